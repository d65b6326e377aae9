package component

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// preamble of a component: magic number, version and layer (Component Model, Binary.md).
var preamble = []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}

// sectionCoreModule is the number of a section that holds a core module.
const sectionCoreModule = 1

// coreModule finds the first core module of a component. The others of one that wit-component made are adapters between it
// and the host; none is needed for a function that takes and returns plain data.
func coreModule(component []byte) ([]byte, error) {
	if !bytes.HasPrefix(component, preamble) {
		return nil, errors.New("this is no component")
	}
	rest := component[len(preamble):]
	for len(rest) > 0 {
		section := rest[0]
		length, width := binary.Uvarint(rest[1:])
		if width <= 0 || length > uint64(len(rest)-1-width) {
			return nil, fmt.Errorf("section %d ends beyond the component", section)
		}
		content := rest[1+width:][:length]
		if section == sectionCoreModule {
			return content, nil
		}
		rest = rest[1+width+int(length):]
	}
	return nil, errors.New("the component has no core module")
}
