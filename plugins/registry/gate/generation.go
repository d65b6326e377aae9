package gate

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"portcullis.example/registry/documents"
)

// generation is a policy, and the instances that judge by it. Requests that began with it end with it.
type generation struct {
	number  uint64
	source  *source
	options *Options
	store   *store
	slots   []*slot
	// seed makes it random which instance has a token, so that nobody can aim all requests at one.
	seed maphash.Seed
	turn atomic.Uint64
	// uses is how many requests go on, and retired whether no more begin. They are the gate's mutex's.
	uses    int
	retired bool
}

// slot is a place for an instance: whoever has taken what is in it has the instance. nil stands for one that has to be made.
type slot struct{ place chan *session }

// newGeneration loads a policy into so many instances.
func newGeneration(options *Options, store *store, policy *source, number uint64) (*generation, error) {
	g := &generation{number: number, source: policy, options: options, store: store, seed: maphash.MakeSeed()}
	for range options.Instances {
		made, err := newSession(options, policy, store.allButLists())
		if err != nil {
			g.close()
			if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
				err = &PolicyError{policy.path, refusal.Error()}
			}
			return nil, err
		}
		one := &slot{make(chan *session, 1)}
		one.place <- made
		g.slots = append(g.slots, one)
	}
	return g, nil
}

// close ends every instance. Nobody uses one.
func (g *generation) close() {
	for _, one := range g.slots {
		if session := <-one.place; session != nil {
			session.close()
		}
		one.place <- nil
	}
}

// choose takes an instance for a request: the one that has probably seen its credential, if it is free; else any that is, or is first.
func (g *generation) choose(ctx context.Context, request *Request) (*slot, *session, error) {
	number := uint64(0)
	if credential := credentialOf(request); credential != "" {
		number = maphash.String(g.seed, credential)
	} else {
		number = g.turn.Add(1)
	}
	for offset := range uint64(len(g.slots)) {
		one := g.slots[(number+offset)%uint64(len(g.slots))]
		select {
		case session := <-one.place:
			return one, session, nil
		default:
		}
	}
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	first := []reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ctx.Done())}}
	for _, one := range g.slots {
		first = append(first, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(one.place)})
	}
	chosen, received, _ := reflect.Select(first)
	if chosen == 0 {
		return nil, nil, ctx.Err()
	}
	taken, _ := received.Interface().(*session)
	return g.slots[chosen-1], taken, nil
}

func credentialOf(request *Request) string {
	for _, field := range request.Headers {
		if strings.EqualFold(field[0], "Authorization") {
			return field[1]
		}
	}
	return ""
}

// begin uses any instance for a request, as use does, and tells which.
func (g *generation) begin(ctx context.Context, request *Request, do func(*session) error) (*slot, error) {
	one, taken, err := g.choose(ctx, request)
	if err != nil {
		return nil, err
	}
	return one, g.with(one, taken, do)
}

// use waits for the instance of a slot and uses it.
func (g *generation) use(ctx context.Context, one *slot, do func(*session) error) error {
	select {
	case session := <-one.place:
		return g.with(one, session, do)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// with uses what was taken from a slot, makes an instance where there is none, and gives it back if it is of use still.
func (g *generation) with(one *slot, taken *session, do func(*session) error) error {
	sound := false
	defer func() {
		if taken != nil && (!sound || taken.instance.Spent(g.options.memory)) {
			taken.close()
			taken = nil
		}
		one.place <- taken
	}()
	if taken == nil {
		made, err := newSession(g.options, g.source, g.store.allButLists())
		if err != nil {
			return fmt.Errorf("an instance could not be replaced: %w", err)
		}
		taken = made
	}
	err := do(taken)
	// What panicked is not sound.
	sound = true
	return err
}

// each uses every instance, one after the other, so that the others go on deciding meanwhile. The errors are told together.
func (g *generation) each(ctx context.Context, do func(*session) error) error {
	var all []error
	for _, one := range g.slots {
		if err := g.use(ctx, one, do); err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// due is what all instances need now, each document once.
func (g *generation) due(ctx context.Context) ([]documents.Need, error) {
	var all []documents.Need
	type what struct {
		class documents.Class
		place documents.Place
	}
	known := map[what]bool{}
	err := g.each(ctx, func(session *session) error {
		needs, err := session.due()
		for _, need := range needs {
			if what := (what{need.Class, need.Place()}); !known[what] {
				known[what] = true
				all = append(all, need)
			}
		}
		return err
	})
	return all, err
}

// provide gives every instance documents. It gives what was not taken though somebody asked for it, each once.
func (g *generation) provide(ctx context.Context, all []*documents.Document) ([]refused, error) {
	var findings []refused
	err := g.each(ctx, func(session *session) error {
		some, err := session.provide(all)
		for _, one := range some {
			if one.Code != unexpected && !slices.Contains(findings, one) {
				findings = append(findings, one)
			}
		}
		return err
	})
	return findings, err
}

// ready tells whether every instance can decide, and who has no keys where one cannot.
func (g *generation) ready(ctx context.Context) (bool, []Missing, error) {
	all, known := true, map[string]bool{}
	var missing []Missing
	err := g.each(ctx, func(session *session) error {
		ready, lacks, err := session.ready()
		all = all && ready && err == nil
		for _, one := range lacks {
			if !known[one.Name] {
				known[one.Name] = true
				missing = append(missing, one)
			}
		}
		return err
	})
	return all && err == nil, missing, err
}
