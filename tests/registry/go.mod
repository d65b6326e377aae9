module portcullis.example/registry-tests

go 1.25
