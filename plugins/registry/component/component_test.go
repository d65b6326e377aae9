package component

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"
)

var root = filepath.Join("..", "..", "..")

// at is the time of a request without one, as the other suites have it.
var at = time.Unix(1_790_000_000, 0)

func load(t *testing.T) *Runtime {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(root, "dist", "components", "portcullis.wasm"))
	if err != nil {
		t.Fatalf("make dist builds it: %v", err)
	}
	runtime, err := Load(context.Background(), file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = runtime.Close(context.Background()) })
	return runtime
}

// requests reads cases, without what they say beside the request.
func requests(t *testing.T, files ...string) [][]byte {
	t.Helper()
	var all [][]byte
	for _, name := range files {
		file, err := os.Open(name)
		if os.IsNotExist(err) {
			t.Logf("notice: no %s: not run", name)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, MaxRequest)
		for lines.Scan() {
			var members map[string]json.RawMessage
			if json.Unmarshal(lines.Bytes(), &members) != nil {
				continue
			}
			for _, beside := range []string{"want", "source", "note"} {
				delete(members, beside)
			}
			if members["at"] == nil {
				members["at"] = json.RawMessage("1790000000")
			}
			request, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, request)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
	}
	return all
}

// hostAnswers is what the command line says to the same.
func hostAnswers(t *testing.T, requests [][]byte) [][]byte {
	t.Helper()
	batch := exec.Command(filepath.Join(root, "dist", "bin", "portcullis"), "batch")
	batch.Stdin = bytes.NewReader(bytes.Join(requests, []byte("\n")))
	var said bytes.Buffer
	batch.Stdout, batch.Stderr = &said, os.Stderr
	_ = batch.Run() // It ends with 1 where a line is no request, and says so in its answer.
	answers := bytes.Split(bytes.TrimSpace(said.Bytes()), []byte("\n"))
	if len(answers) != len(requests) {
		t.Fatalf("%d answers to %d requests", len(answers), len(requests))
	}
	return answers
}

func TestAnswersAreTheHosts(t *testing.T) {
	corpus := os.Getenv("PORTCULLIS_CORPUS")
	if corpus == "" {
		corpus = filepath.Join(root, "..", "shared", "corpus")
	}
	cases, err := filepath.Glob(filepath.Join(root, "tests", "gate", "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	asked := requests(t, append(cases,
		filepath.Join(root, "tests", "registry.ndjson"),
		filepath.Join(root, "tests", "corpus", "oci.ndjson"),
		filepath.Join(root, "tests", "corpus", "oci-more.ndjson"),
		filepath.Join(root, "tests", "corpus", "oci.policy.ndjson"),
		filepath.Join(root, "tests", "corpus", "status.ndjson"),
		filepath.Join(corpus, "third-party", "oci.ndjson"),
	)...)
	if len(asked) < 1_000 {
		t.Fatalf("%d requests", len(asked))
	}
	wanted := hostAnswers(t, asked)
	pool := NewPool(load(t), 2, 30*time.Second)
	answers := make([][]byte, len(asked))
	var workers sync.WaitGroup
	next := make(chan int)
	for range 4 {
		workers.Go(func() {
			for number := range next {
				answer, err := pool.Answer(context.Background(), asked[number], at)
				if err != nil {
					t.Errorf("%.120s: %v", asked[number], err)
				}
				answers[number] = answer
			}
		})
	}
	for number := range asked {
		next <- number
	}
	close(next)
	workers.Wait()
	different := 0
	for number, answer := range answers {
		var is, wants any
		if json.Unmarshal(answer, &is) != nil || json.Unmarshal(wanted[number], &wants) != nil || !reflect.DeepEqual(is, wants) {
			different++
			t.Errorf("%.120s\nis:   %.300s\nhost: %.300s", asked[number], answer, wanted[number])
		}
	}
	t.Logf("%d requests, %d answered otherwise than by the host", len(asked), different)
}

func TestAnInstanceThatFailsIsReplaced(t *testing.T) {
	pool := NewPool(load(t), 1, 30*time.Second)
	good := []byte(`{"id":1,"op":"spiffe.id","value":"spiffe://prod.example/a"}`)
	answers := func() {
		t.Helper()
		answer, err := pool.Answer(context.Background(), good, at)
		if err != nil || !bytes.Contains(answer, []byte(`"trust_domain":"prod.example"`)) {
			t.Fatalf("%s %v", answer, err)
		}
	}
	answers()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := pool.Answer(ended, good, at); !errors.Is(err, context.Canceled) {
		t.Fatalf("who gave up is answered: %v", err)
	}
	answers()
	if _, err := pool.Answer(context.Background(), make([]byte, MaxRequest+1), at); !errors.Is(err, ErrTooLong) {
		t.Fatalf("what is too long is taken: %v", err)
	}
	answers()
	// Long enough that it cannot be answered in time, and the call is ended within.
	long := append(append([]byte(`{"id":"`), bytes.Repeat([]byte("a"), MaxRequest-100)...), []byte(`","op":"spiffe.id"}`)...)
	short := NewPool(pool.runtime, 1, time.Millisecond)
	if _, err := short.Answer(context.Background(), long, at); err == nil {
		t.Fatal("a call went on beyond its deadline")
	}
	if instance := <-short.places; instance != nil {
		t.Fatal("an instance that failed is kept")
	}
	if answer, err := pool.Answer(context.Background(), long, at); err != nil || !bytes.Contains(answer, []byte("request.malformed")) {
		t.Fatalf("%.100s %v", answer, err)
	}
	answers()
}

func TestWhatIsNoComponentIsRefused(t *testing.T) {
	for what, file := range map[string][]byte{
		"nothing":                    nil,
		"a core module":              {0, 'a', 's', 'm', 1, 0, 0, 0},
		"a component without one":    preamble,
		"a section beyond the end":   append(append([]byte(nil), preamble...), 1, 0xff, 0x7f),
		"a length that does not end": append(append([]byte(nil), preamble...), 1, 0xff),
		"a core module of nothing":   append(append([]byte(nil), preamble...), 1, 0),
	} {
		if _, err := Load(context.Background(), file, ""); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}
