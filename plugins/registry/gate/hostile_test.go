package gate

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.example/registry/documents"
)

// hostile is what the one table of hostile URLs has whose form is refused.
func hostile(t *testing.T) []string {
	t.Helper()
	table, err := os.ReadFile(filepath.Join(root, "tests", "hostile-urls.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n") {
		var row struct{ URL, Stop string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if row.Stop == "form" {
			all = append(all, row.URL)
		}
	}
	if len(all) < 30 {
		t.Fatalf("%d hostile URLs", len(all))
	}
	return all
}

func TestAHostileURLIsNoPlaceToBeRedirectedTo(t *testing.T) {
	gate := opened(t, policyOf("https://keys.example/jwks", ""), 1, nil)
	admitted := func(class documents.Class, location string) error {
		need := documents.Need{URL: "https://keys.example/jwks", Class: class, Kind: "keys", Most: 1_000}
		return gate.current.use(context.Background(), gate.current.slots[0], func(session *session) error {
			return session.admitRedirect(need, 0, location)
		})
	}
	refusal := (*Refusal)(nil)
	for _, url := range hostile(t) {
		for _, class := range []documents.Class{documents.Policy, documents.Credential, documents.Peer} {
			if err := admitted(class, url); !errors.As(err, &refusal) || refusal.Code != "fetch.url_not_allowed" {
				t.Errorf("%s %q: %v", class, url, err)
			}
		}
	}
	if err := admitted(documents.Credential, "https://a.example/x?y"); err != nil {
		t.Error(err)
	}
}
