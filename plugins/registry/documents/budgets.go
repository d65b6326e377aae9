package documents

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// inFlight is how many fetches go on at once for the policy's own URLs and those of verified tokens.
	inFlight = 8
	// peersInFlight is the same for messages that are not authenticated: they wait for each other only.
	peersInFlight = 2
	// ofOneOrigin is how many of them go to one origin.
	ofOneOrigin = 2
	// burst is how many fetches an origin that others named takes at once, and every how long it takes for one more: an issuer
	// with many lists is served, and nobody makes us knock at a door for ever.
	burst = 32
	every = time.Second
	// placeWithin is how long a place is waited for.
	placeWithin = 5 * time.Second
	// maxOrigins is how many origins are kept account of. Those with nothing under way and their burst whole are forgotten
	// first; beyond that new ones are refused.
	maxOrigins = 4_096
)

var (
	errBusy       = errors.New("too much of this origin, or in all, is being fetched already")
	errTooOften   = errors.New("this origin was asked too often in a while")
	errTooManyNew = errors.New("too many origins are asked at this time")
)

// budgets bounds how much is fetched side by side and in a while: in all, and of one origin, so that one bad URL starves nobody.
type budgets struct {
	all, peers chan struct{}
	now        func() time.Time
	mutex      sync.Mutex
	origins    map[string]*origin
}

type origin struct {
	places chan struct{}
	left   float64
	at     time.Time
}

func newBudgets() *budgets {
	return &budgets{
		all:     make(chan struct{}, inFlight),
		peers:   make(chan struct{}, peersInFlight),
		now:     time.Now,
		origins: map[string]*origin{},
	}
}

func (o *origin) refill(now time.Time) {
	o.left = min(o.left+max(now.Sub(o.at), 0).Seconds()/every.Seconds(), burst)
	o.at = now
}

// place gives a place for a fetch of an origin, until what it returns is called. The error says why there is none.
func (b *budgets) place(ctx context.Context, class Class, name string) (func(), error) {
	account, err := b.account(class, name)
	if err != nil {
		return nil, err
	}
	all := b.all
	if class == Peer {
		all = b.peers
	}
	ctx, cancel := context.WithTimeout(ctx, placeWithin)
	defer cancel()
	// Of the origin first: who waits for a slow one takes no place from others meanwhile.
	select {
	case account.places <- struct{}{}:
	case <-ctx.Done():
		return nil, errBusy
	}
	select {
	case all <- struct{}{}:
		return func() { <-all; <-account.places }, nil
	case <-ctx.Done():
		<-account.places
		return nil, errBusy
	}
}

func (b *budgets) account(class Class, name string) (*origin, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	account := b.origins[name]
	if account == nil {
		if len(b.origins) >= maxOrigins {
			for known, one := range b.origins {
				if one.refill(now); one.left >= burst && len(one.places) == 0 {
					delete(b.origins, known)
				}
			}
		}
		if len(b.origins) >= maxOrigins {
			return nil, errTooManyNew
		}
		account = &origin{make(chan struct{}, ofOneOrigin), burst, now}
		b.origins[name] = account
	}
	account.refill(now)
	// The operator's own URLs are as many as the operator wrote.
	if class != Policy {
		if account.left < 1 {
			return nil, errTooOften
		}
		account.left--
	}
	return account, nil
}
