package gate

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"portcullis.example/registry/documents"
)

const (
	// watchEvery is how often files are looked at.
	watchEvery = time.Second
	// keysWithin is how long a new policy waits for the keys of its issuers before it is put to work. Those that do not come by
	// then are fetched while it works, as at the start.
	keysWithin = 5 * time.Second
)

// Reload reads the policy again and puts it to work, if it is another one; changed says whether. Requests that began under the old
// one end under it. Where it is refused the old one stays. Errors: as of Open.
func (g *Gate) Reload(ctx context.Context) (changed bool, err error) {
	g.files.one.Lock()
	defer g.files.one.Unlock()
	policy, err := readPolicy(ctx, g.options.Component, g.options.Policy)
	if err != nil {
		return false, err
	}
	old, release := g.acquire()
	defer release()
	if policy.written == old.source.written {
		return false, nil
	}
	next, err := newGeneration(&g.options, g.store, policy, old.number+1)
	if err != nil {
		return false, err
	}
	g.tell(policy)
	g.prepare(ctx, next)
	g.mutex.Lock()
	closed := g.closed
	if !closed {
		g.current = next
	}
	g.mutex.Unlock()
	if closed {
		g.retire(next)
		return false, ErrClosed
	}
	g.retire(old)
	return true, nil
}

// prepare fetches what new instances need beside what is held already.
func (g *Gate) prepare(ctx context.Context, next *generation) {
	ctx, cancel := context.WithTimeout(ctx, keysWithin)
	defer cancel()
	// Keys come after metadata, in as many rounds.
	for range 3 {
		needs, err := next.due(ctx)
		if err != nil {
			return
		}
		var all sync.WaitGroup
		for _, need := range needs {
			all.Go(func() {
				if rests, err := g.fly(ctx, next, need); err == nil && rests != nil {
					_, _ = next.provide(ctx, []*documents.Document{rests})
				}
			})
		}
		all.Wait()
		if ready, _, err := next.ready(ctx); ready || err != nil {
			return
		}
	}
}

// watch reads the policy, and the files that it names, again when they change.
func (g *Gate) watch() {
	ticks := time.NewTicker(watchEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			g.look()
		case <-g.ending.Done():
			return
		}
	}
}

func (g *Gate) look() {
	if g.files.changed(g.options.Policy) {
		switch changed, err := g.Reload(g.ending); {
		case errors.Is(err, ErrClosed) || g.ending.Err() != nil:
		case err != nil:
			g.log.Error("the new policy is not put to work; the one at work stays", "error", err)
		case changed:
			g.log.Info("a new policy is at work", "policy", g.options.Policy, "generation", g.Generation())
		}
	}
	for _, need := range g.files.needs() {
		path, _ := g.fetcher.Path(need.URL)
		if !g.files.changed(path) {
			continue
		}
		current, release := g.acquire()
		if err := g.flyAfresh(g.ending, current, need); err != nil && g.ending.Err() == nil {
			g.log.Error("a file could not be read again", "url", need.URL, "error", err)
		}
		release()
	}
}

// files are what is looked at: the policy, and the files that it names.
type files struct {
	// one lets one policy after the other be taken in.
	one   sync.Mutex
	mutex sync.Mutex
	seen  map[string]stamp
	named map[string]documents.Need
}

// stamp is what tells one state of a file from another.
type stamp struct {
	exists   bool
	modified time.Time
	size     int64
}

func newFiles() *files { return &files{seen: map[string]stamp{}, named: map[string]documents.Need{}} }

// name adds a file that a policy names.
func (f *files) name(need documents.Need) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.named[need.URL] = need
}

func (f *files) needs() []documents.Need {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	var all []documents.Need
	for _, need := range f.named {
		all = append(all, need)
	}
	return all
}

// changed says whether a file is another than when it was last asked about. What a link leads to counts.
func (f *files) changed(path string) bool {
	now := stamp{}
	if about, err := os.Stat(path); err == nil {
		now = stamp{true, about.ModTime(), about.Size()}
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	before, known := f.seen[path]
	f.seen[path] = now
	return !known || before != now
}
