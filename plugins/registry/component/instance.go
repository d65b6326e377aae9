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

// MaxDocuments is the longest request that gives an instance documents, in bytes: a list of 32 MiB in base64url, and a little.
const MaxDocuments = 44 * 1024 * 1024

// text is the interface that is called.
const text = "portcullis:gate/text@0.2.0"

// ErrTooLong says that a request is longer than it may be. The instance heard nothing of it.
var ErrTooLong = errors.New("the request is longer than may be")

// Instance is one instance of a component, to be used by one goroutine at a time.
type Instance struct {
	module               api.Module
	memory               api.Memory
	realloc, answer, end api.Function
	// stop ends the call that runs where it is not zero. It is the one thing that another goroutine touches.
	stop   api.MutableGlobal
	broken bool
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
	instance.stop, _ = module.ExportedGlobal(stopExport).(api.MutableGlobal)
	if instance.memory == nil || instance.realloc == nil || instance.answer == nil || instance.end == nil || instance.stop == nil {
		_ = module.Close(ctx)
		return nil, fmt.Errorf("the component does not export %s", text)
	}
	return instance, nil
}

// Answer answers one request (docs/batch.md) for a time. The answer is JSON: a refusal is an answer. An error says that nobody knows:
// the component failed, or the context ended. The instance is not to be used again then.
func (i *Instance) Answer(ctx context.Context, request []byte, now time.Time) ([]byte, error) {
	return i.bounded(ctx, request, MaxRequest, now)
}

// AnswerDocuments is the same for a request that may be as long as MaxDocuments.
func (i *Instance) AnswerDocuments(ctx context.Context, request []byte, now time.Time) ([]byte, error) {
	return i.bounded(ctx, request, MaxDocuments, now)
}

func (i *Instance) bounded(ctx context.Context, request []byte, most int, now time.Time) ([]byte, error) {
	if i.broken {
		return nil, errors.New("the instance failed before")
	}
	if len(request) > most {
		return nil, ErrTooLong
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	watched := i.watch(ctx)
	answer, err := i.call(ctx, request, uint64(max(now.Unix(), 0)))
	watched()
	if err != nil {
		i.broken = true
		if ended := ctx.Err(); ended != nil {
			return nil, fmt.Errorf("the component was stopped: %w", ended)
		}
		return nil, fmt.Errorf("the component failed: %w", err)
	}
	return answer, nil
}

// watch lets the end of a context end the call that is about to begin. What it returns ends the watch.
func (i *Instance) watch(ctx context.Context) func() {
	told := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		i.stop.Set(1)
		close(told)
	})
	return func() {
		if !unwatch() {
			// It ends with the call; the next one is not to be stopped for it.
			<-told
			i.stop.Set(0)
		}
	}
}

// errBeyond says that a component gave what is no place in its memory.
var errBeyond = errors.New("what the component gave lies beyond its memory")

// call lowers a list<u8> and a u64, and lifts a string (Component Model, CanonicalABI.md).
func (i *Instance) call(ctx context.Context, request []byte, now uint64) ([]byte, error) {
	pointer, err := i.lower(ctx, request)
	if err != nil {
		return nil, err
	}
	returned, err := i.answer.Call(ctx, pointer, uint64(len(request)), now)
	if err != nil {
		return nil, err
	}
	place := uint32(returned[0])
	answer, err := i.lift(place)
	if err != nil {
		return nil, err
	}
	_, err = i.end.Call(ctx, uint64(place))
	return answer, err
}

// lower gives the component bytes, which are its own from then on.
func (i *Instance) lower(ctx context.Context, bytes []byte) (uint64, error) {
	if len(bytes) == 0 {
		// An empty list has no place in memory; its pointer is aligned all the same.
		return 1, nil
	}
	made, err := i.realloc.Call(ctx, 0, 0, 1, uint64(len(bytes)))
	if err != nil {
		return 0, err
	}
	if !i.memory.Write(uint32(made[0]), bytes) {
		return 0, errBeyond
	}
	return made[0], nil
}

// lift copies bytes whose place and length stand at a place. The next call frees the component's own.
func (i *Instance) lift(place uint32) ([]byte, error) {
	at, there := i.memory.ReadUint32Le(place)
	length, also := i.memory.ReadUint32Le(place + 4)
	view, readable := i.memory.Read(at, length)
	if !there || !also || !readable {
		return nil, errBeyond
	}
	return append([]byte(nil), view...), nil
}

// Close lets go of the instance.
func (i *Instance) Close(ctx context.Context) error { return i.module.Close(ctx) }

// Spent says whether the instance is to be replaced: it failed, or has more memory than so many bytes. Memory never shrinks.
func (i *Instance) Spent(most uint32) bool { return i.broken || i.memory.Size() > most }
