package gate

import (
	"context"
	"errors"
	"sync"

	"portcullis.example/registry/documents"
)

// Check decides about a request, fetching and remembering what that takes. An error says that there is no decision, and will be none:
// an evaluation that has asked for a proof to be remembered is not run again. Nothing is allowed then.
func (g *Gate) Check(ctx context.Context, request *Request) (*Decision, error) {
	current, release, err := g.enter()
	if err != nil {
		return nil, err
	}
	defer release()
	c := checking{gate: g, policy: current, request: request}
	var at step
	c.slot, err = current.begin(ctx, request, func(session *session) (err error) {
		c.number = session.number
		at, err = session.start(request, g.replay.since)
		return err
	})
	if err != nil {
		return nil, failed("the request could not be decided about", err)
	}
	if at.Decision != nil {
		return at.Decision, nil
	}
	select {
	case g.parked <- struct{}{}:
		defer func() { <-g.parked }()
	default:
		c.forsake(at)
		return nil, ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	return c.wait(ctx, at)
}

// checking is a request that waits for something.
type checking struct {
	gate    *Gate
	policy  *generation
	request *Request
	slot    *slot
	// number is that of the instance in which the evaluation is.
	number uint64
}

// wait meets the needs of a request until it is decided.
func (c *checking) wait(ctx context.Context, at step) (*Decision, error) {
	askedToRemember, begunAgain := false, false
	for at.Decision == nil {
		for _, need := range at.Needs {
			askedToRemember = askedToRemember || need.Remember != nil
		}
		answers, err := c.meet(ctx, at.Needs)
		if err != nil {
			c.forsake(at)
			return nil, err
		}
		evaluation := at.Evaluation
		at = step{}
		err = c.policy.use(ctx, c.slot, func(session *session) (err error) {
			if session.number == c.number {
				at, err = session.answer(evaluation, answers)
				return err
			}
			// Its instance is gone. What has used up no proof may begin anew, once.
			if askedToRemember || begunAgain {
				return ErrLost
			}
			begunAgain, c.number = true, session.number
			at, err = session.start(c.request, c.gate.replay.since)
			return err
		})
		if err != nil {
			c.forsake(step{Evaluation: evaluation})
			return nil, failed("the request could not be decided about", err)
		}
	}
	return at.Decision, nil
}

// forsake lets go of an evaluation that nobody waits for, without waiting for that. Its instance need not be held up.
func (c *checking) forsake(at step) {
	g, policy, slot, number := c.gate, c.policy, c.slot, c.number
	if at.Evaluation == 0 {
		return
	}
	g.inBackground(policy, func() {
		// An instance that is gone holds nothing; one that is gone for good ends with the gate.
		_ = policy.use(g.ending, slot, func(session *session) error {
			if session.number != number {
				return nil
			}
			return session.forsake(at.Evaluation)
		})
	})
}

// meet gives the answers to all needs of a round, which are met side by side. The error says that the caller gave up, or that it took
// too long.
func (c *checking) meet(ctx context.Context, needs []need) ([]told, error) {
	answers := make([]told, len(needs))
	errs := make([]error, len(needs))
	var all sync.WaitGroup
	for number, need := range needs {
		answers[number] = told{need.ID, done}
		switch {
		case need.Document != nil:
			all.Go(func() { errs[number] = c.obtain(ctx, *need.Document) })
		case need.Remember != nil:
			answers[number].Answer = c.gate.replay.remember(need.Remember.Key, need.Remember.Until, c.gate.options.now())
		default:
			return nil, errors.New("the component needs what is not known here")
		}
	}
	all.Wait()
	return answers, errors.Join(errs...)
}

// obtain sees that the instance is given a document, or that it cannot be had.
func (c *checking) obtain(ctx context.Context, need documents.Need) error {
	// Another instance may have had it before this one asked. Whether it is new enough is for the gate to say.
	if held := c.gate.store.get(need.Place()); held != nil {
		enough := false
		var due []documents.Need
		err := c.policy.use(ctx, c.slot, func(session *session) (err error) {
			if session.number != c.number || session.given[need.Place()] == held {
				return nil
			}
			refused, err := session.provide([]*documents.Document{held})
			if err != nil || len(refused) > 0 {
				return err
			}
			due, err = session.due()
			enough = err == nil
			return err
		})
		if err != nil {
			return err
		}
		for _, one := range due {
			enough = enough && one.Place() != need.Place()
		}
		// What is due is told once while it is under way.
		c.gate.obtainSoon(c.policy, due)
		if enough {
			return nil
		}
	}
	rests, err := c.gate.fly(ctx, c.policy, need)
	if err != nil || rests == nil {
		return err
	}
	return c.policy.use(ctx, c.slot, func(session *session) error {
		_, err := session.provide([]*documents.Document{rests})
		return err
	})
}
