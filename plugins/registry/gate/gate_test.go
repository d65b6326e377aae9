package gate

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/registry/documents"
)

func TestADocumentIsFetchedOnceForAllInstances(t *testing.T) {
	keys := serving(t, jwks(1))
	gate := opened(t, policyOf(keys.URL, ""), 3, nil)
	var all sync.WaitGroup
	for number := range 24 {
		all.Go(func() {
			request := get(fmt.Sprintf("/reports/%d", number), bearer(token(1, map[string]any{"jti": fmt.Sprint(number)})))
			if decision := check(t, gate, request); !decision.Allows() || decision.Principal.Subject != "alice" {
				t.Errorf("%+v", decision)
			}
		})
	}
	all.Wait()
	ready, missing, err := gate.Ready(context.Background())
	if !ready || err != nil || keys.asked.Load() != 1 {
		t.Fatalf("%v %v %v, fetched %d times", ready, missing, err, keys.asked.Load())
	}
}

func TestAnInstanceThatIsReplacedHasThePolicyAndTheDocumentsAgain(t *testing.T) {
	keys := serving(t, jwks(1))
	// Nothing else uses its instance.
	gate := quiet(t, policyOf(keys.URL, ""))
	request := get("/reports/7", bearer(token(1, nil)))
	if decision := check(t, gate, request); !decision.Allows() {
		t.Fatalf("%+v", decision)
	}
	slot := gate.current.slots[0]
	number := func() (number uint64) {
		_ = gate.current.use(context.Background(), slot, func(session *session) error {
			number = session.number
			return nil
		})
		return number
	}
	fails := map[string]func(*session) error{
		"an instance that was closed": func(session *session) error {
			session.close()
			return session.ask(map[string]any{"id": 1, "op": "gate.due", "gate": 1}, nil)
		},
		"a call that runs too long": func(session *session) error {
			session.deadline = time.Millisecond
			long := get("/reports/7", Field{"X", strings.Repeat("a", 12*1024*1024)})
			_, err := session.start(long, 0)
			return err
		},
		"a panic": func(*session) error { panic("on purpose") },
	}
	for what, fail := range fails {
		before := number()
		func() {
			defer func() { _ = recover() }()
			if err := gate.current.use(context.Background(), slot, fail); err == nil {
				t.Errorf("%s is none", what)
			}
		}()
		if decision := check(t, gate, request); !decision.Allows() {
			t.Fatalf("%s: %+v", what, decision)
		}
		if number() == before {
			t.Errorf("%s: the instance is kept", what)
		}
	}
	before := number()
	gate.options.memory = 1
	for range 3 {
		if decision := check(t, gate, request); !decision.Allows() {
			t.Fatalf("%+v", decision)
		}
	}
	if number() < before+3 {
		t.Error("an instance is kept whose memory has grown")
	}
	if keys.asked.Load() != 1 {
		t.Fatalf("fetched %d times", keys.asked.Load())
	}
}

func TestANewPolicyIsPutToWorkAndABadOneIsNot(t *testing.T) {
	keys, log := serving(t, jwks(1)), &logged{}
	gate := opened(t, policyOf(keys.URL, ""), 2, log)
	good := get("/reports/7", bearer(token(1, nil)))
	if decision := check(t, gate, good); !decision.Allows() {
		t.Fatalf("%+v", decision)
	}
	write(t, gate.options.Policy, `rules = [ { path = "/health" } ]`)
	until(t, "a bad policy is told", func() bool { return log.has("the new policy is not put to work") })
	if !log.has("policy.") && !log.has("require") {
		t.Errorf("nothing says what is wrong: %s", log.text.String())
	}
	if decision := check(t, gate, good); !decision.Allows() || gate.Generation() != 1 {
		t.Fatalf("%+v", decision)
	}
	if err := os.Remove(gate.options.Policy); err != nil {
		t.Fatal(err)
	}
	until(t, "a policy that is gone is told", func() bool { return log.has("cannot be read") })
	if decision := check(t, gate, good); !decision.Allows() {
		t.Fatalf("%+v", decision)
	}
	write(t, gate.options.Policy, policyOf(keys.URL, `audience = ["https://other.example"]`))
	until(t, "a new policy is at work", func() bool { return gate.Generation() == 2 })
	if decision := check(t, gate, good); decision.Allows() || decision.Status != 401 {
		t.Fatalf("%+v", decision)
	}
	if keys.asked.Load() != 1 {
		t.Errorf("fetched %d times", keys.asked.Load())
	}
	if changed, err := gate.Reload(context.Background()); changed || err != nil {
		t.Errorf("the same policy again: %v %v", changed, err)
	}
}

func TestAPolicyThatIsRefusedSaysWhereAndWhatToDo(t *testing.T) {
	folder := t.TempDir()
	open := func(path string) error {
		gate, err := Open(context.Background(), Options{Component: runtimeOf(t), Policy: path, Fetcher: documents.NewFetcher(documents.Options{})})
		if err == nil {
			gate.Close()
		}
		return err
	}
	for name, text := range map[string]string{
		"a.toml": "origins = [\"https://api.example\"]\n\n[[rules]]\npath = \"/health\"\nanonymos = true\n",
		"a.json": `{"origins":["https://api.example"],"rules":[{"path":"/health","anonymos":true}]}`,
	} {
		err := open(write(t, filepath.Join(folder, name), text))
		problem := (*PolicyError)(nil)
		if !errors.As(err, &problem) || !strings.Contains(problem.Told, "anonymos") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		t.Log(err)
	}
	for what, path := range map[string]string{
		"a file that is not there": filepath.Join(folder, "none.toml"),
		"a folder":                 folder,
		"what is no TOML":          write(t, filepath.Join(folder, "b.toml"), "origins = ["),
		"what is no JSON":          write(t, filepath.Join(folder, "b.json"), "{"),
		"a name that is repeated":  write(t, filepath.Join(folder, "c.toml"), "origins = []\norigins = []\n"),
		"a date":                   write(t, filepath.Join(folder, "d.toml"), "origins = [2020-01-01]\n"),
		"what is too long":         write(t, filepath.Join(folder, "e.toml"), "# "+strings.Repeat("a", 1024*1024)),
	} {
		if err := open(path); err == nil {
			t.Errorf("%s is a policy", what)
		}
	}
}

func TestAFileThatAPolicyNamesIsReadAgain(t *testing.T) {
	log := &logged{}
	path := write(t, filepath.Join(t.TempDir(), "jwks.json"), jwks(1))
	gate := opened(t, policyOf("file:"+path, ""), 2, log)
	if decision := check(t, gate, get("/reports/7", bearer(token(1, nil)))); !decision.Allows() {
		t.Fatalf("%+v", decision)
	}
	write(t, path, strings.ReplaceAll(jwks(2), "}]}", "}] }"))
	until(t, "the new key counts", func() bool { return check(t, gate, get("/reports/7", bearer(token(2, nil)))).Allows() })
	if decision := check(t, gate, get("/reports/7", bearer(token(1, nil)))); decision.Allows() {
		t.Fatal("the old key counts")
	}
	write(t, path, "no key set")
	until(t, "what is wrong with a file is told", func() bool { return log.has("a document was not taken") })
	if decision := check(t, gate, get("/reports/7", bearer(token(2, nil)))); !decision.Allows() {
		t.Fatalf("a good key is dropped for a bad file: %+v", decision)
	}
}

func TestWhatCannotBeFetchedIsNobodysFaultAndRests(t *testing.T) {
	keys := serving(t, "")
	keys.do(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	gate := opened(t, policyOf(keys.URL, ""), 2, nil)
	for number := range 8 {
		decision := check(t, gate, get("/reports/7", bearer(token(1, map[string]any{"jti": fmt.Sprint(number)}))))
		if decision.Allows() || decision.Status != 503 || strings.Contains(decision.Body, keys.URL) {
			t.Fatalf("%+v", decision)
		}
	}
	if asked := keys.asked.Load(); asked != 1 {
		t.Errorf("fetched %d times", asked)
	}
	if ready, missing, err := gate.Ready(context.Background()); ready || len(missing) != 1 || missing[0].Name != "corp" || err != nil {
		t.Errorf("%v %v %v", ready, missing, err)
	}
	if decision := check(t, gate, get("/health")); !decision.Allows() {
		t.Errorf("%+v", decision)
	}
}

func TestARedirectIsTheGatesToAdmit(t *testing.T) {
	// The operator's own origin is the operator's; another one is any server's word, and loopback is no place for that.
	away := serving(t, jwks(1))
	for location, allowed := range map[string]bool{"/there": true, away.URL: false, "http://127.0.0.1:1/": false} {
		keys := serving(t, "")
		keys.do(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/there" {
				_, _ = w.Write([]byte(jwks(1)))
				return
			}
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		gate := opened(t, policyOf(keys.URL+"/here", ""), 1, nil)
		decision := check(t, gate, get("/reports/7", bearer(token(1, nil))))
		if decision.Allows() != allowed || !allowed && decision.Status != 503 {
			t.Errorf("%s: %+v", location, decision)
		}
	}
	if away.asked.Load() != 0 {
		t.Error("a redirect was followed that the gate did not admit")
	}
}

func TestWhoGivesUpWaitsNoLongerAndLeavesNothingBehind(t *testing.T) {
	hang := make(chan struct{})
	arrived := make(chan struct{}, 16)
	keys := serving(t, "")
	keys.do(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-hang
		_, _ = w.Write([]byte(jwks(1)))
	})
	defer close(hang)
	gate := opened(t, policyOf(keys.URL, ""), 1, nil)
	request := get("/reports/7", bearer(token(1, nil)))

	// Of a fetch.
	<-arrived
	ctx, cancel := context.WithCancel(context.Background())
	given := make(chan error)
	go func() {
		_, err := gate.Check(ctx, request)
		given <- err
	}()
	until(t, "the request waits", func() bool { return len(gate.parked) == 1 })
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	// The evaluation's number is the one after the gate's, and the instance holds it no more.
	slot := gate.current.slots[0]
	until(t, "the evaluation is forsaken", func() bool {
		var err error
		_ = gate.current.use(context.Background(), slot, func(session *session) error {
			err = session.forsake(session.gate + 1)
			return nil
		})
		refusal := (*Refusal)(nil)
		return errors.As(err, &refusal) && refusal.Code == "gate.handle_unknown"
	})
	if len(gate.parked) != 0 {
		t.Error("a request is parked that nobody waits for")
	}

	// Of an instance.
	taken := <-slot.place
	ctx, cancel = context.WithCancel(context.Background())
	go func() {
		_, err := gate.Check(ctx, request)
		given <- err
	}()
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	slot.place <- taken
	if decision := check(t, gate, get("/health")); !decision.Allows() {
		t.Errorf("%+v", decision)
	}
}

func TestWhoWaitsForAnInstanceHasTheFirstThatIsFree(t *testing.T) {
	gate := quiet(t, policyOf("https://keys.example/jwks", ""))
	next, err := newGeneration(&Options{Component: gate.options.Component, Instances: 3, Deadline: DefaultDeadline, now: time.Now, memory: maxMemory},
		gate.store, gate.current.source, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	var taken []*session
	for _, one := range next.slots {
		taken = append(taken, <-one.place)
	}
	for number, one := range next.slots {
		waited := make(chan *slot)
		go func() {
			used, err := next.begin(context.Background(), get("/health"), func(*session) error { return nil })
			if err != nil {
				t.Error(err)
			}
			waited <- used
		}()
		one.place <- taken[number]
		if used := <-waited; used != one {
			t.Errorf("another than %d", number)
		}
		taken[number] = <-one.place
	}
	for number, one := range next.slots {
		one.place <- taken[number]
	}
}

func TestTooManyThatWaitAreRefused(t *testing.T) {
	hang := make(chan struct{})
	keys := serving(t, "")
	keys.do(func(http.ResponseWriter, *http.Request) { <-hang })
	defer close(hang)
	gate := opened(t, policyOf(keys.URL, ""), 1, nil)
	for range cap(gate.parked) {
		gate.parked <- struct{}{}
	}
	if _, err := gate.Check(context.Background(), get("/reports/7", bearer(token(1, nil)))); !errors.Is(err, ErrBusy) {
		t.Fatalf("%v", err)
	}
	if decision := check(t, gate, get("/health")); !decision.Allows() {
		t.Errorf("%+v", decision)
	}
}

func TestAProofIsUsedOnce(t *testing.T) {
	gate := opened(t, policyOf(serving(t, jwks(1)).URL, `proof = "dpop"`), 2, nil)
	gate.replay.since = 0
	one := jwk(9)
	digest := sha256.Sum256([]byte(fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":%q}`, one["x"])))
	bound := token(1, map[string]any{"cnf": map[string]any{"jkt": base64.RawURLEncoding.EncodeToString(digest[:])}})
	hash := sha256.Sum256([]byte(bound))
	proof := func(jti string) *Request {
		claims := map[string]any{
			"jti": jti, "htm": "GET", "htu": "https://api.example/reports/7", "iat": time.Now().Unix(),
			"ath": base64.RawURLEncoding.EncodeToString(hash[:]),
		}
		return get("/reports/7", Field{"Authorization", "DPoP " + bound},
			Field{"DPoP", signed(9, map[string]any{"typ": "dpop+jwt", "jwk": one}, claims)})
	}
	first := proof("a")
	if decision := check(t, gate, first); !decision.Allows() {
		t.Fatalf("%+v", decision)
	}
	if decision := check(t, gate, first); decision.Allows() || decision.Status != 401 {
		t.Fatalf("%+v", decision)
	}
	gate.replay.most = 1
	if decision := check(t, gate, proof("b")); decision.Allows() || decision.Status != 503 {
		t.Fatalf("%+v", decision)
	}
	gate.replay.since = time.Now().Unix() + 1
	if decision := check(t, gate, proof("c")); decision.Allows() || decision.Status != 401 {
		t.Fatalf("%+v", decision)
	}
}

func TestWhatAskedToRememberIsNeverRunAgain(t *testing.T) {
	gate := opened(t, policyOf(serving(t, jwks(1)).URL, ""), 1, nil)
	request := get("/health")
	lost := func(needs ...need) error {
		c := checking{gate, gate.current, request, gate.current.slots[0], 0}
		decision, err := c.wait(context.Background(), step{Evaluation: 99, Needs: needs})
		if err == nil && !decision.Allows() {
			t.Errorf("%+v", decision)
		}
		return err
	}
	if err := lost(need{ID: 1, Remember: &remember{"k", time.Now().Unix() + 60}}); !errors.Is(err, ErrLost) {
		t.Errorf("%v", err)
	}
	if err := lost(); err != nil {
		t.Errorf("what used up no proof may begin anew: %v", err)
	}
}

func TestTheMemoryOfProofs(t *testing.T) {
	at := time.Unix(1_000, 0)
	memory := newReplay(at, 3)
	for number, want := range []struct {
		key   string
		until int64
		at    int64
		said  string
	}{
		{"a", 1_010, 1_000, fresh}, {"a", 1_010, 1_000, seen}, {"b", 1_005, 1_000, fresh}, {"c", 1_020, 1_000, fresh},
		{"d", 1_010, 1_005, full}, {"a", 1_030, 1_010, seen}, {"d", 1_040, 1_006, fresh}, {"e", 1_040, 1_006, full},
		{"a", 1_050, 1_011, fresh}, {"c", 1_050, 1_011, seen}, {"c", 500, 1_100, fresh}, {"c", 500, 1_100, seen},
	} {
		if said := memory.remember(want.key, want.until, time.Unix(want.at, 0)); said != want.said {
			t.Errorf("%d: %s, not %s", number, said, want.said)
		}
	}
	if memory.since != 1_001 || len(memory.ends) != 1 || len(memory.queue) != 1 {
		t.Errorf("%+v", memory)
	}
	var all sync.WaitGroup
	times := make(chan string, 64)
	for range 64 {
		all.Go(func() { times <- memory.remember("same", 2_000, at) })
	}
	all.Wait()
	close(times)
	first := 0
	for said := range times {
		if said == fresh {
			first++
		}
	}
	if first != 1 {
		t.Errorf("fresh %d times", first)
	}
}

func TestTheStoreKeepsTheLastOfEachURLWithinBounds(t *testing.T) {
	store := newStore()
	put := func(url, kind string, length int) {
		store.put(&documents.Document{URL: url, Kind: kind, Status: 200, Body: make([]byte, length)})
	}
	put("a", "keys", 10)
	put("a", "keys", 20)
	put("l", statusList, 10)
	if len(store.get(documents.Place{URL: "a"}).Body) != 20 || len(store.allButLists()) != 1 {
		t.Errorf("%+v", store.byPlace)
	}
	large := make([]byte, 32*1024*1024)
	for number := range 20 {
		store.get(documents.Place{URL: "a"})
		store.put(&documents.Document{URL: fmt.Sprint(number), Kind: statusList, Status: 200, Body: large})
	}
	if store.bytes > maxStored || store.get(documents.Place{URL: "a"}) == nil || store.get(documents.Place{URL: "0"}) != nil || store.get(documents.Place{URL: "19"}) == nil {
		t.Errorf("%d bytes, %d documents", store.bytes, len(store.byPlace))
	}
}

func TestAGateThatIsClosedAllowsNothing(t *testing.T) {
	gate := opened(t, policyOf(serving(t, jwks(1)).URL, ""), 2, nil)
	if decision := check(t, gate, get("/health")); !decision.Allows() {
		t.Fatalf("%+v", decision)
	}
	gate.Close()
	if _, err := gate.Check(context.Background(), get("/health")); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := gate.Ask(context.Background(), map[string]any{"id": 1, "op": "oci.required"}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := gate.Reload(context.Background()); err != nil {
		t.Errorf("%v", err)
	}
	gate.Close()
}
