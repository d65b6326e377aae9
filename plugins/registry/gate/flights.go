package gate

import (
	"context"
	"sync"
	"time"

	"portcullis.example/registry/documents"
)

const (
	// resting is how long a document that could not be had is not fetched again, whoever asks: one that cannot be had is not
	// hammered by as many instances as there are. The gate has its own, longer pauses.
	resting = 5 * time.Second
	// sharedFor is how long a document that came for one instance is given to the next that asks, without another fetch. Instances ask
	// at nearly the same time, at the start and when a token with a new list comes.
	sharedFor = time.Second
	// maxResting is how many of those are kept account of.
	maxResting = 4_096
)

// what is fetched: who named it, what it is, and where it is to come from. A URL that two have named is fetched for each as each may.
type what struct {
	class documents.Class
	kind  string
	place documents.Place
}

// flight is a fetch under way, and the policies whose instances wait for what comes of it.
type flight struct {
	landed     chan struct{}
	passengers []*generation
}

// flights are the fetches under way: one for all who need the same document.
type flights struct {
	mutex sync.Mutex
	of    map[what]*flight
	// failed are documents that could not be had a moment ago.
	failed map[what]*documents.Document
}

func newFlights() *flights {
	return &flights{of: map[what]*flight{}, failed: map[what]*documents.Document{}}
}

func isWithin(document *documents.Document, duration time.Duration) bool {
	age := time.Since(document.FetchedAt)
	return age >= 0 && age < duration
}

// rests is the document where it could not be had a moment ago.
func (f *flights) rests(what what) *documents.Document {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if failed := f.failed[what]; failed != nil && isWithin(failed, resting) {
		return failed
	}
	return nil
}

// board joins the flight for a document, or begins one: begins says so.
func (f *flights) board(what what, passenger *generation) (one *flight, begins bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	one = f.of[what]
	if one == nil {
		one, begins = &flight{landed: make(chan struct{})}, true
		f.of[what] = one
	}
	for _, known := range one.passengers {
		if known == passenger {
			return one, begins
		}
	}
	one.passengers = append(one.passengers, passenger)
	return one, begins
}

// land takes a flight off the list: who needs the document from now on begins another. It gives the policies that wait for it.
func (f *flights) land(what what, came *documents.Document) []*generation {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	one := f.of[what]
	delete(f.of, what)
	delete(f.failed, what)
	if !came.Came() {
		for known, failed := range f.failed {
			if came.FetchedAt.Sub(failed.FetchedAt) >= resting {
				delete(f.failed, known)
			}
		}
		if len(f.failed) < maxResting {
			f.failed[what] = came
		}
	}
	return one.passengers
}

// fly fetches a document, or joins who does, and returns when every instance was given what came of it. Where it came a moment ago, or
// could not be had, that is returned instead, to be given to who asked.
func (g *Gate) fly(ctx context.Context, passenger *generation, need documents.Need) (*documents.Document, error) {
	what := what{need.Class, need.Kind, need.Place()}
	if held := g.store.get(need.Place()); held != nil && held.Kind == need.Kind && isWithin(held, sharedFor) {
		return held, nil
	}
	if failed := g.flights.rests(what); failed != nil {
		return failed, nil
	}
	return nil, g.flyAfresh(ctx, passenger, need)
}

// flyAfresh is fly for what is known to be another one.
func (g *Gate) flyAfresh(ctx context.Context, passenger *generation, need documents.Need) error {
	what := what{need.Class, need.Kind, need.Place()}
	one, begins := g.flights.board(what, passenger)
	if begins {
		// Its own goroutine: it goes on for the others when the request that began it is given up.
		begun := g.inBackground(passenger, func() {
			defer close(one.landed)
			g.fetchForAll(passenger, need, what)
		})
		if !begun {
			g.flights.land(what, &documents.Document{FetchedAt: time.Now(), Failed: ErrClosed.Error()})
			close(one.landed)
		}
	}
	select {
	case <-one.landed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Gate) fetchForAll(admitting *generation, need documents.Need, what what) {
	came := g.fetch(admitting, need)
	all := []*documents.Document{came}
	if came.Came() {
		g.store.put(came)
	} else {
		// Metadata has two places, of which an issuer has one.
		log := g.log.Warn
		if need.Kind == "metadata" {
			log = g.log.Info
		}
		log("a document could not be had", "url", need.URL, "why", came.Why())
		// An instance that is new has not seen the last good one, which it may still rely upon.
		if held := g.store.get(need.Place()); held != nil {
			all = []*documents.Document{held, came}
		}
	}
	waiting := g.flights.land(what, came)
	// The policy may have changed meanwhile.
	current, release := g.acquire()
	defer release()
	known := false
	for _, one := range waiting {
		known = known || one == current
	}
	if !known {
		waiting = append(waiting, current)
	}
	for _, one := range waiting {
		findings, err := g.giveAll(one, all)
		if err != nil && g.ending.Err() == nil {
			g.log.Error("an instance could not be given a document", "url", need.URL, "error", err)
		}
		for _, finding := range findings {
			// What did not come was told already.
			if came.Came() {
				g.log.Warn("a document was not taken", "url", finding.URL, "code", finding.Code, "detail", finding.Detail)
			}
		}
	}
}

// giveAll gives a policy's instances documents, if it is still at work.
func (g *Gate) giveAll(one *generation, all []*documents.Document) ([]refused, error) {
	if !g.hold(one) {
		return nil, nil
	}
	defer g.release(one)
	return one.provide(g.ending, all)
}

// fetch fetches a document. What panics has failed.
func (g *Gate) fetch(admitting *generation, need documents.Need) (came *documents.Document) {
	defer func() {
		if panicked := recover(); panicked != nil {
			g.log.Error("a fetch panicked", "url", need.URL, "panic", panicked)
			came = &documents.Document{Kind: need.Kind, FetchedAt: time.Now(), Failed: "the fetch panicked"}
			came.URL, came.Server = need.URL, need.Server
		}
	}()
	if path, is := g.fetcher.Path(need.URL); is {
		// Before it is read: what changes meanwhile is another state.
		g.files.name(need)
		g.files.changed(path)
	}
	return g.fetcher.Fetch(g.ending, need, admission{admitting})
}

// admission asks a policy where a fetch may go.
type admission struct{ policy *generation }

func (a admission) Redirect(ctx context.Context, need documents.Need, hops int, location string) error {
	return a.policy.use(ctx, a.policy.slots[0], func(session *session) error {
		return session.admitRedirect(need, hops, location)
	})
}

func (a admission) Server(ctx context.Context, need documents.Need, chain [][]byte) error {
	return a.policy.use(ctx, a.policy.slots[0], func(session *session) error {
		return session.admitServer(need, chain)
	})
}
