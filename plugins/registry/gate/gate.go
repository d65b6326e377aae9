package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"portcullis.example/registry/component"
	"portcullis.example/registry/documents"
)

const (
	// maxParked is how many requests wait for documents or the memory of proofs at one time. Each holds its headers and a
	// connection; more wait for an issuer that is down, and would take the memory of those that need none.
	maxParked = 1_024
	// checkWithin is how long a request may take with all that it waits for: two fetches of 5 seconds, one after the other, and a
	// little.
	checkWithin = 12 * time.Second
	// dueEvery is how often instances are asked what is due.
	dueEvery = time.Second
	// DefaultDeadline is the longest that a call of the component about a request may run. One takes well under a millisecond; one
	// that verifies a signature under a key that is new takes a few, and one that verifies a password some hundred.
	DefaultDeadline = 5 * time.Second
)

// Why there is no decision. None is the fault of who asked, and none allows.
var (
	// ErrBusy says that too many requests wait already.
	ErrBusy = errors.New("too many requests wait already")
	// ErrLost says that the evaluation was lost with its instance, and may not be run again.
	ErrLost = errors.New("the evaluation was lost with its instance")
	// ErrClosed says that the gate was closed.
	ErrClosed = errors.New("the gate is closed")
)

// Options is what a gate is made of.
type Options struct {
	// Component is what decides.
	Component *component.Runtime
	// Policy is the policy's file: JSON where its name ends in `.json`, else TOML. It is read again when it changes.
	Policy string
	// Instances is how many requests are decided about at once; as many as there are processors where it is 0.
	Instances int
	// Deadline is the longest that a call of the component about a request may run; DefaultDeadline where it is 0.
	Deadline time.Duration
	// Fetcher fetches documents: a *documents.Fetcher.
	Fetcher Fetcher
	// Log is told what an operator should know. Nobody is where it is nil.
	Log *slog.Logger

	now func() time.Time
	// memory is from how much of it an instance is replaced, in bytes.
	memory uint32
}

// Fetcher fetches documents, and never fails: what cannot be had is told as such.
type Fetcher interface {
	// Fetch fetches what is needed. Where it may go is asked of admits.
	Fetch(ctx context.Context, need documents.Need, admits documents.Admits) *documents.Document
	// Path is the file that a URL names, if it is a `file:` one.
	Path(url string) (string, bool)
}

// Gate decides about requests. It may be used by many goroutines.
type Gate struct {
	options Options
	log     *slog.Logger
	fetcher Fetcher
	store   *store
	replay  *replay
	flights *flights
	parked  chan struct{}
	files   *files

	mutex   sync.Mutex
	current *generation
	closed  bool

	// ending ends what goes on in the background.
	ending     context.Context
	end        context.CancelFunc
	background sync.WaitGroup
}

// Open reads the policy, makes the instances, and begins to fetch what they need. Errors: the policy cannot be read or is refused
// (*PolicyError), or the component cannot be asked.
func Open(ctx context.Context, options Options) (*Gate, error) {
	g, err := open(ctx, options)
	if err != nil {
		return nil, err
	}
	g.background.Go(g.keepFresh)
	g.background.Go(g.watch)
	return g, nil
}

// open makes a gate that does nothing of itself.
func open(ctx context.Context, options Options) (*Gate, error) {
	if options.Instances <= 0 {
		options.Instances = runtime.GOMAXPROCS(0)
	}
	if options.Deadline <= 0 {
		options.Deadline = DefaultDeadline
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.now == nil {
		options.now = time.Now
	}
	if options.memory == 0 {
		options.memory = maxMemory
	}
	files := newFiles()
	files.changed(options.Policy)
	policy, err := readPolicy(ctx, options.Component, options.Policy)
	if err != nil {
		return nil, err
	}
	g := &Gate{
		options: options, log: options.Log, fetcher: options.Fetcher, store: newStore(),
		replay: newReplay(options.now(), maxRemembered), flights: newFlights(),
		parked: make(chan struct{}, maxParked), files: files,
	}
	g.current, err = newGeneration(&g.options, g.store, policy, 1)
	if err != nil {
		return nil, err
	}
	g.tell(policy)
	g.ending, g.end = context.WithCancel(context.WithoutCancel(ctx))
	return g, nil
}

// tell logs what the author of a policy should know though it is good.
func (g *Gate) tell(policy *source) {
	if policy.warnings != "" {
		g.log.Warn("the policy has warnings", "policy", policy.path, "warnings", policy.warnings)
	}
	if policy.promisesMore() {
		g.log.Warn("the policy promises a memory of used proofs that is shared, and this one is this process's own", "policy", policy.path)
	}
}

// Close ends every instance, when the requests that go on have ended. No more begin.
func (g *Gate) Close() {
	g.mutex.Lock()
	if g.closed {
		g.mutex.Unlock()
		return
	}
	g.closed = true
	current := g.current
	g.mutex.Unlock()
	g.end()
	g.background.Wait()
	g.retire(current)
}

// acquire gives the policy at work, until the function is called.
func (g *Gate) acquire() (*generation, func()) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	current := g.current
	current.uses++
	return current, func() { g.release(current) }
}

// enter is acquire for whoever comes from outside: nobody does once the gate is closed.
func (g *Gate) enter() (*generation, func(), error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.closed {
		return nil, nil, ErrClosed
	}
	current := g.current
	current.uses++
	return current, func() { g.release(current) }, nil
}

// hold keeps a policy at work. It says whether it is still.
func (g *Gate) hold(one *generation) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if one.retired && one.uses == 0 {
		return false
	}
	one.uses++
	return true
}

func (g *Gate) release(one *generation) {
	g.mutex.Lock()
	one.uses--
	last := one.retired && one.uses == 0
	g.mutex.Unlock()
	if last {
		one.close()
	}
}

// retire ends a policy's instances when its last request has ended.
func (g *Gate) retire(one *generation) {
	g.mutex.Lock()
	one.retired = true
	last := one.uses == 0
	g.mutex.Unlock()
	if last {
		one.close()
	}
}

// inBackground does something with a policy's instances that nobody waits for. It says whether that began: it does not where the gate
// or the policy has ended.
func (g *Gate) inBackground(one *generation, do func()) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.closed || one.retired && one.uses == 0 {
		return false
	}
	one.uses++
	g.background.Go(func() {
		defer g.release(one)
		do()
	})
	return true
}

// keepFresh fetches documents at the start and ahead of their end, for as long as the gate is open.
func (g *Gate) keepFresh() {
	ticks := time.NewTicker(dueEvery)
	defer ticks.Stop()
	for {
		g.lookAhead()
		select {
		case <-ticks.C:
		case <-g.ending.Done():
			return
		}
	}
}

func (g *Gate) lookAhead() {
	current, release := g.acquire()
	defer release()
	needs, err := current.due(g.ending)
	if err != nil && g.ending.Err() == nil {
		g.log.Error("an instance could not be asked what it needs", "error", err)
	}
	g.obtainSoon(current, needs)
}

// obtainSoon fetches documents that nobody waits for: one that is slow holds up no other.
func (g *Gate) obtainSoon(current *generation, needs []documents.Need) {
	for _, need := range needs {
		g.inBackground(current, func() {
			rests, err := g.fly(g.ending, current, need)
			if err == nil && rests != nil {
				_, err = current.provide(g.ending, []*documents.Document{rests})
			}
			if err != nil && g.ending.Err() == nil {
				g.log.Error("a document could not be given to instances", "url", need.URL, "error", err)
			}
		})
	}
}

// Ready tells whether every instance can decide: every issuer and trust domain that a rule names has keys. Otherwise it tells who has
// none. The error says that the component could not be asked.
func (g *Gate) Ready(ctx context.Context) (bool, []Missing, error) {
	current, release, err := g.enter()
	if err != nil {
		return false, nil, err
	}
	defer release()
	return current.ready(ctx)
}

// Generation is the how manieth policy is at work, from 1.
func (g *Gate) Generation() uint64 {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.current.number
}

// Ask asks the component something that has nothing to do with the policy (docs/batch.md): request is what becomes an object with
// `id`, `op` and its members, and result is where the result goes, or nil. Errors: a *Refusal where it answered, and anything else
// where nobody knows.
func (g *Gate) Ask(ctx context.Context, request, result any) error {
	current, release, err := g.enter()
	if err != nil {
		return err
	}
	defer release()
	_, err = current.begin(ctx, &Request{}, func(session *session) error { return session.ask(request, result) })
	return err
}

func failed(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }
