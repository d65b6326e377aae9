package component

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// section is a section of a module, of vectors or of anything else.
func section(number byte, items ...[]byte) []byte {
	content := binary.AppendUvarint(nil, uint64(len(items)))
	for _, item := range items {
		content = append(content, item...)
	}
	return append(binary.AppendUvarint([]byte{number}, uint64(len(content))), content...)
}

func export(name string, kind, index byte) []byte {
	return append(append([]byte{byte(len(name))}, name...), kind, index)
}

// function is a body without locals.
func function(code ...byte) []byte {
	return append([]byte{byte(len(code) + 2), 0}, append(code, 0x0b)...)
}

// made is a component that answers with some code. Function 3 takes how deep it is to go, and calls itself twice.
func made(answer ...byte) []byte {
	module := []byte("\x00asm\x01\x00\x00\x00")
	for _, part := range [][]byte{
		section(1, []byte{0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f}, []byte{0x60, 3, 0x7f, 0x7f, 0x7e, 1, 0x7f}, []byte{0x60, 1, 0x7f, 0}),
		section(3, []byte{0}, []byte{1}, []byte{2}, []byte{2}),
		section(5, []byte{0, 1}),
		section(6, []byte{0x7f, 1, 0x41, 0, 0x0b}),
		section(7, export("memory", 2, 0), export("cabi_realloc", 0, 0), export(text+"#answer", 0, 1), export("cabi_post_"+text+"#answer", 0, 2)),
		section(10, function(0x41, 8), function(answer...), function(),
			// Where it is to go deeper, twice one less.
			function(0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x10, 3, 0x20, 0, 0x41, 1, 0x6b, 0x10, 3, 0x0b)),
	} {
		module = append(module, part...)
	}
	component := append(append([]byte(nil), preamble...), sectionCoreModule)
	return append(binary.AppendUvarint(component, uint64(len(module))), module...)
}

func TestACallThatDoesNotEndIsEnded(t *testing.T) {
	// With one processor, and the garbage collector at work: neither gets in where compiled code does not come back.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for what, answer := range map[string][]byte{
		"a loop":           {0x03, 0x40, 0x0c, 0, 0x0b, 0x41, 0},
		"a loop in a loop": {0x03, 0x40, 0x03, 0x40, 0x0c, 1, 0x0b, 0x0b, 0x41, 0},
		"a tree of calls":  {0x41, 60, 0x10, 3, 0x41, 0},
	} {
		loaded, err := Load(context.Background(), made(answer...), "")
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		instance, err := loaded.Instance(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		ended := make(chan struct{})
		go func() {
			for {
				select {
				case <-ended:
					return
				default:
					runtime.GC()
				}
			}
		}()
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, err = instance.Answer(ctx, []byte("{}"), time.Now())
		if !errors.Is(err, context.DeadlineExceeded) || !instance.Spent(grown) {
			t.Errorf("%s: %v", what, err)
		}
		cancel()
		close(ended)
		_ = loaded.Close(context.Background())
	}
}

func TestACallThatEndsIsNotEndedForTheLast(t *testing.T) {
	loaded, err := Load(context.Background(), made(0x41, 0), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = loaded.Close(context.Background()) }()
	instance, err := loaded.Instance(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	unwatch := instance.watch(ctx)
	cancel()
	unwatch()
	if stop := instance.stop.Get(); stop != 0 {
		t.Errorf("%d", stop)
	}
	if answer, err := instance.Answer(context.Background(), nil, time.Now()); err != nil || len(answer) != 0 {
		t.Errorf("%s %v", answer, err)
	}
}

func TestWhatCannotBeStoppedIsRefused(t *testing.T) {
	for what, answer := range map[string][]byte{
		"an instruction that is not known":     {0xfd, 0x0c},
		"a long instruction that is not known": {0xfc, 0x14},
	} {
		if _, err := Load(context.Background(), made(answer...), ""); err == nil {
			t.Errorf("%s is taken", what)
		} else if !strings.Contains(err.Error(), "core module") {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Whatever is cut off or changed is an error, never a panic.
	whole, err := coreModule(made(0x03, 0x40, 0x0b, 0x41, 0))
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		_, _ = stoppable(whole[:at])
		for _, other := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			changed := append([]byte(nil), whole...)
			changed[at] = other
			_, _ = stoppable(changed)
		}
	}
}
