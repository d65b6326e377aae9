package component

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// MaxRequest is the longest request that is given to an instance, in bytes: as long as a line of a batch may be.
const MaxRequest = 16 * 1024 * 1024

// text is the interface that is called.
const text = "portcullis:gate/text@0.1.0"

// ErrTooLong says that a request is longer than MaxRequest. The instance heard nothing of it.
var ErrTooLong = errors.New("the request is longer than may be")

// Instance is one instance of a component, to be used by one goroutine at a time.
type Instance struct {
	module               api.Module
	memory               api.Memory
	realloc, answer, end api.Function
	broken               bool
}

// Instance makes an instance.
func (r *Runtime) Instance(ctx context.Context) (*Instance, error) {
	module, err := r.runtime.InstantiateModule(ctx, r.module, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("the component does not start: %w", err)
	}
	instance := &Instance{
		module:  module,
		memory:  module.ExportedMemory("memory"),
		realloc: module.ExportedFunction("cabi_realloc"),
		answer:  module.ExportedFunction(text + "#answer"),
		end:     module.ExportedFunction("cabi_post_" + text + "#answer"),
	}
	if instance.memory == nil || instance.realloc == nil || instance.answer == nil || instance.end == nil {
		_ = module.Close(ctx)
		return nil, fmt.Errorf("the component does not export %s", text)
	}
	return instance, nil
}

// Answer answers one request (docs/batch.md) for a time. The answer is JSON: a refusal is an answer. An error says that nobody knows:
// the component failed, or the context ended. The instance is not to be used again then.
func (i *Instance) Answer(ctx context.Context, request []byte, now time.Time) ([]byte, error) {
	if i.broken {
		return nil, errors.New("the instance failed before")
	}
	if len(request) > MaxRequest {
		return nil, ErrTooLong
	}
	answer, err := i.call(ctx, request, uint64(max(now.Unix(), 0)))
	if err != nil {
		i.broken = true
		return nil, fmt.Errorf("the component failed: %w", err)
	}
	return answer, nil
}

// call lowers a list<u8> and a u64, and lifts a string (Component Model, CanonicalABI.md).
func (i *Instance) call(ctx context.Context, request []byte, now uint64) ([]byte, error) {
	// An empty list has no place in memory; its pointer is aligned all the same.
	pointer := uint64(1)
	if len(request) > 0 {
		made, err := i.realloc.Call(ctx, 0, 0, 1, uint64(len(request)))
		if err != nil {
			return nil, err
		}
		pointer = made[0]
		if !i.memory.Write(uint32(pointer), request) {
			return nil, errors.New("cabi_realloc gave what is no memory")
		}
	}
	returned, err := i.answer.Call(ctx, pointer, uint64(len(request)), now)
	if err != nil {
		return nil, err
	}
	place := uint32(returned[0])
	at, there := i.memory.ReadUint32Le(place)
	length, also := i.memory.ReadUint32Le(place + 4)
	view, readable := i.memory.Read(at, length)
	if !there || !also || !readable {
		return nil, errors.New("the answer lies beyond the memory")
	}
	// A view is the component's own memory, which the next call frees.
	answer := append([]byte(nil), view...)
	_, err = i.end.Call(ctx, uint64(place))
	return answer, err
}

// Close lets go of the instance.
func (i *Instance) Close(ctx context.Context) error { return i.module.Close(ctx) }

// memorySize is how much memory the instance has, in bytes. It never shrinks.
func (i *Instance) memorySize() uint32 { return i.memory.Size() }
