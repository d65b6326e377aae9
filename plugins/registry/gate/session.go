package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"portcullis.example/registry/component"
	"portcullis.example/registry/documents"
)

const (
	// patience is how long the component may take for what no request waits for: a policy, documents.
	patience = 30 * time.Second
	// maxMemory is from how much memory an instance is replaced, in bytes: before it is refused more.
	maxMemory = 192 * 1024 * 1024
)

// sessions counts instances that were made, so that each has a number of its own.
var sessions atomic.Uint64

// session is an instance with a policy. It is one goroutine's at a time.
type session struct {
	instance *component.Instance
	number   uint64
	gate     uint64
	// given are the good documents that were taken.
	given map[documents.Place]*documents.Document
	// deadline is the longest that a call about a request may run.
	deadline time.Duration
	now      func() time.Time
}

// newSession makes an instance and gives it a policy and documents.
func newSession(options *Options, policy *source, held []*documents.Document) (*session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	instance, err := options.Component.Instance(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{
		instance: instance, number: sessions.Add(1), given: map[documents.Place]*documents.Document{},
		deadline: options.Deadline, now: options.now,
	}
	var loaded struct {
		Gate uint64 `json:"gate"`
	}
	err = s.patiently(map[string]any{"id": 0, "op": "gate.load", "policy": policy.loaded}, &loaded)
	if err == nil {
		s.gate = loaded.Gate
		// The keys that metadata names are expected only after it: what was refused at first is taken the second time.
		for range 2 {
			if _, err = s.provide(held); err != nil {
				break
			}
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() { _ = s.instance.Close(context.Background()) }

// ask asks the component. The error is a *Refusal where it answered, and anything else where nobody knows.
//
// A call ends at the deadline, and not with whoever asked: it takes less than it costs to replace an instance that was stopped.
func (s *session) ask(request, result any) error {
	return s.answered(s.deadline, s.instance.Answer, request, result)
}

// patiently is ask for what no request waits for.
func (s *session) patiently(request, result any) error {
	return s.answered(patience, s.instance.AnswerDocuments, request, result)
}

func (s *session) answered(
	within time.Duration,
	answer func(context.Context, []byte, time.Time) ([]byte, error),
	request, result any,
) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	said, err := answer(ctx, text, s.now())
	if err != nil {
		return err
	}
	return read(said, result)
}

// read reads an answer of the component.
func read(said []byte, result any) error {
	answer := answered{Result: result}
	if err := json.Unmarshal(said, &answer); err != nil {
		return fmt.Errorf("the component's answer is not as it should be: %w", err)
	}
	switch {
	case answer.OK && answer.Result == nil && result != nil:
		return errors.New("the component's answer has no result")
	case answer.OK:
		return nil
	case answer.Error == nil:
		return errors.New("the component's answer is neither a result nor an error")
	default:
		return answer.Error
	}
}

// start begins to decide about a request.
func (s *session) start(request *Request, since int64) (step, error) {
	var at step
	err := s.ask(start{0, "gate.start", s.gate, request, certificateOf(request), since}, &at)
	return at, err
}

// answer tells an evaluation what came of its needs.
func (s *session) answer(evaluation uint64, answers []told) (step, error) {
	var at step
	err := s.ask(map[string]any{"id": 0, "op": "gate.answer", "evaluation": evaluation, "answers": answers}, &at)
	return at, err
}

// forsake lets go of an evaluation.
func (s *session) forsake(evaluation uint64) error {
	return s.ask(map[string]any{"id": 0, "op": "gate.forsake", "evaluation": evaluation}, nil)
}

// unexpected is the code of a document that an instance has not asked for, which is how instances differ.
const unexpected = "document.unexpected"

// refused is a document that was not taken, and why.
type refused struct {
	URL    string `json:"url"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// provide gives documents. It gives those that were not taken.
func (s *session) provide(all []*documents.Document) ([]refused, error) {
	if len(all) == 0 {
		return nil, nil
	}
	var findings []refused
	for _, document := range all {
		var result struct {
			Findings []refused `json:"findings"`
		}
		request := map[string]any{"id": 0, "op": "gate.provide", "gate": s.gate, "documents": []given{giving(document)}}
		if err := s.patiently(request, &result); err != nil {
			return findings, err
		}
		if len(result.Findings) == 0 && document.Came() {
			s.given[document.Place()] = document
		}
		findings = append(findings, result.Findings...)
	}
	return findings, nil
}

// due is what the instance needs now.
func (s *session) due() ([]documents.Need, error) {
	var result struct {
		Needs []documents.Need `json:"needs"`
	}
	err := s.ask(map[string]any{"id": 0, "op": "gate.due", "gate": s.gate}, &result)
	return result.Needs, err
}

// ready tells whom the instance has no keys of.
func (s *session) ready() (bool, []Missing, error) {
	var result struct {
		Ready   bool      `json:"ready"`
		Missing []Missing `json:"missing"`
	}
	err := s.ask(map[string]any{"id": 0, "op": "gate.ready", "gate": s.gate}, &result)
	return result.Ready, result.Missing, err
}

// admitRedirect asks whether a redirect may be followed.
func (s *session) admitRedirect(need documents.Need, hops int, location string) error {
	return s.ask(map[string]any{
		"id": 0, "op": "gate.admit_redirect", "gate": s.gate, "need": need, "hops": hops, "location": location,
	}, nil)
}

// admitServer asks whether the server that presents a chain may be asked for what is needed.
func (s *session) admitServer(need documents.Need, chain [][]byte) error {
	return s.patiently(map[string]any{
		"id": 0, "op": "gate.admit_server", "gate": s.gate, "need": need, "chain": texts(chain),
	}, nil)
}
