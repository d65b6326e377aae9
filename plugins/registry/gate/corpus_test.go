package gate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"portcullis.example/registry/documents"
)

// resource is what a case has in place of an answer.
type resource struct {
	Status  int             `json:"status"`
	Headers []Field         `json:"headers"`
	Body    string          `json:"body"`
	Bytes   string          `json:"body_b64"`
	Failed  json.RawMessage `json:"failed"`
	// Chain is what the server presents, where that is to be judged.
	Chain *[]string `json:"server_chain"`
}

// canned fetches what a case has.
type canned struct {
	resources map[string]resource
	now       time.Time
}

func (canned) Path(string) (string, bool) { return "", false }

func (c canned) Fetch(ctx context.Context, need documents.Need, admits documents.Admits) *documents.Document {
	document := &documents.Document{URL: need.URL, Server: need.Server, Kind: need.Kind, FetchedAt: c.now}
	found, there := c.resources[need.URL]
	switch {
	case !there:
		document.Failed = "it is not among the resources"
		return document
	case found.Failed != nil:
		if json.Unmarshal(found.Failed, &document.Failed) != nil {
			document.Failed = "it failed"
		}
		return document
	}
	if need.Server != "" && found.Chain != nil {
		var chain [][]byte
		for _, text := range *found.Chain {
			der, _ := base64.RawURLEncoding.DecodeString(text)
			chain = append(chain, der)
		}
		if err := admits.Server(ctx, need, chain); err != nil {
			document.Failed = err.Error()
			return document
		}
	}
	document.Status = found.Status
	if found.Status == 0 {
		document.Status = 200
	}
	for _, field := range found.Headers {
		document.ContentType = field[1]
	}
	document.Body = []byte(found.Body)
	if found.Bytes != "" {
		document.Body, _ = base64.RawURLEncoding.DecodeString(found.Bytes)
	}
	return document
}

// gateCase is a case of tests/gate that a host like this one can have.
type gateCase struct {
	ID        string              `json:"id"`
	At        int64               `json:"at"`
	Policy    json.RawMessage     `json:"policy"`
	Request   Request             `json:"request"`
	Resources map[string]resource `json:"resources"`
	Client    struct {
		Chain []string `json:"chain"`
	} `json:"client_certificate"`
}

// TestDecisionsAreTheHosts goes through the gate in steps, and compares with `gate.check` of the command line.
func TestDecisionsAreTheHosts(t *testing.T) {
	groups, err := filepath.Glob(filepath.Join(root, "tests", "gate", "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, name := range groups {
		group, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, group...)
	}
	var cases []gateCase
	var asked [][]byte
	others := 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 16*1024*1024)
	for lines.Scan() {
		var members map[string]json.RawMessage
		var request map[string]json.RawMessage
		var client map[string]json.RawMessage
		if json.Unmarshal(lines.Bytes(), &members) != nil || json.Unmarshal(members["request"], &request) != nil {
			t.Fatalf("%.100s", lines.Bytes())
		}
		_ = json.Unmarshal(members["client_certificate"], &client)
		// A registry has no listeners, no trailers, and all of a certificate; and it begins with nothing seen.
		other := client != nil && client["chain"] == nil
		for _, name := range []string{"listener", "seen"} {
			other = other || members[name] != nil
		}
		// It gives no challenges for attestations either.
		var policy map[string]json.RawMessage
		_ = json.Unmarshal(members["policy"], &policy)
		other = other || policy["attestation"] != nil && members["nonces"] != nil
		for _, name := range []string{"trailers", "body", "body_b64"} {
			other = other || request[name] != nil
		}
		if other {
			others++
			continue
		}
		for _, name := range []string{"want", "source", "note"} {
			delete(members, name)
		}
		line, _ := json.Marshal(members)
		var one gateCase
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatal(err)
		}
		cases, asked = append(cases, one), append(asked, line)
	}
	if len(cases) < 700 {
		t.Fatalf("%d cases", len(cases))
	}
	batch := exec.Command(filepath.Join(root, "dist", "bin", "portcullis"), "batch")
	batch.Stdin = bytes.NewReader(bytes.Join(asked, []byte("\n")))
	said, err := batch.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	refused, different := 0, 0
	for number, one := range cases {
		var wanted Decision
		wants := answered{Result: &wanted}
		if err := json.Unmarshal(answers[number], &wants); err != nil {
			t.Fatal(err)
		}
		is, err := decisionOf(t, one)
		if wants.Error != nil {
			refused++
			if err == nil {
				t.Errorf("%s: a policy is taken that the host refuses with %s", one.ID, wants.Error.Code)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", one.ID, err)
		}
		if !reflect.DeepEqual(is, &wanted) {
			different++
			t.Errorf("%s\nis:   %+v\nhost: %+v", one.ID, is, wanted)
		}
	}
	t.Logf("%d cases, %d with a policy that is refused, %d different, %d not for a registry", len(cases), refused, different, others)
}

func decisionOf(t *testing.T, one gateCase) (*Decision, error) {
	t.Helper()
	at := time.Unix(one.At, 0)
	path := write(t, filepath.Join(t.TempDir(), "policy.json"), string(one.Policy))
	gate, err := open(context.Background(), Options{
		Component: runtimeOf(t), Policy: path, Instances: 1,
		Fetcher: canned{one.Resources, at}, now: func() time.Time { return at },
	})
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	// Without a start, nothing was before it.
	gate.replay.since = 0
	for _, text := range one.Client.Chain {
		der, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		one.Request.Chain = append(one.Request.Chain, der)
	}
	return gate.Check(context.Background(), &one.Request)
}
