module portcullis.example/registry-bench

go 1.26.0
