package registrytests

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	var err error
	if compiled, err = os.MkdirTemp("", "portcullis-registry-tests-"); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(compiled)
	os.Exit(status)
}
