// Package embedded is the component as a part of the program.
package embedded

import (
	"embed"
	"errors"
)

//go:embed component
var folder embed.FS

// Component is the component that tools/build-registry.sh has put in place. The error says that it did not.
func Component() ([]byte, error) {
	component, err := folder.ReadFile("component/portcullis.wasm")
	if err != nil {
		return nil, errors.New("this program was built without the component: " +
			"name one with the option component (dist/components/portcullis.wasm), or build with tools/build-registry.sh")
	}
	return component, nil
}
