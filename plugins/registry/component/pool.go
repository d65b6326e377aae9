package component

import (
	"context"
	"time"
)

// grown is the size of an instance's memory, in bytes, from which it is replaced: memory never shrinks, and one large request would
// else be paid for until the end.
const grown = 64 * 1024 * 1024

// Pool is several instances of a component, for as many goroutines as there are.
type Pool struct {
	runtime *Runtime
	// deadline is the longest that a call may run.
	deadline time.Duration
	// places has an instance for each that may be in use; nil stands for one that has to be made.
	places chan *Instance
}

// NewPool makes a pool of at most size instances, each made when it is first needed.
func NewPool(runtime *Runtime, size int, deadline time.Duration) *Pool {
	pool := &Pool{runtime, deadline, make(chan *Instance, size)}
	for range size {
		pool.places <- nil
	}
	return pool
}

// Answer answers one request by whichever instance is free, and waits for one until the context ends. See Instance.Answer.
func (p *Pool) Answer(ctx context.Context, request []byte, now time.Time) ([]byte, error) {
	var instance *Instance
	select {
	case instance = <-p.places:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	// Its place is given back whatever happens; an instance that failed is not.
	defer func() { p.places <- instance }()
	if instance == nil {
		made, err := p.runtime.Instance(ctx)
		if err != nil {
			return nil, err
		}
		instance = made
	}
	bounded, cancel := context.WithTimeout(ctx, p.deadline)
	defer cancel()
	answer, err := instance.Answer(bounded, request, now)
	if instance.Spent(grown) {
		// The context may have ended; what has to be let go of has not.
		_ = instance.Close(context.WithoutCancel(ctx))
		instance = nil
	}
	return answer, err
}
