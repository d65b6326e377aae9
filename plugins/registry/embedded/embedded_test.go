package embedded

import (
	"strings"
	"testing"
)

func TestTheComponentIsThereOrItIsSaidWhatToDo(t *testing.T) {
	component, err := Component()
	switch {
	case err != nil && !strings.Contains(err.Error(), "tools/build-registry.sh"):
		t.Error(err)
	case err == nil && !strings.HasPrefix(string(component), "\x00asm\x0d\x00\x01\x00"):
		t.Errorf("%.8q is no component", component)
	}
}
