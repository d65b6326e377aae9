package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"portcullis.example/registry/component"
	"portcullis.example/registry/documents"
)

// maxPolicy is the longest policy that is read, in bytes: what the gate takes, and one more so that it says so itself.
const maxPolicy = 1024*1024 + 1

// source is a policy as it was written, and as the gate is given it.
type source struct {
	path    string
	written string
	// loaded is its JSON text.
	loaded string
	// warnings are what its author should know though it is good, for people.
	warnings string
}

// PolicyError says what is wrong with a policy.
type PolicyError struct {
	// Path is the policy's file.
	Path string
	// Told is every problem with its place and remedy, for people.
	Told string
}

func (e *PolicyError) Error() string {
	return fmt.Sprintf("the policy %s is refused\n%s", e.Path, strings.TrimRight(e.Told, "\n"))
}

// readPolicy reads a policy: JSON where the file's name ends in `.json`, else TOML. The component reads it as it stands, and says
// what is wrong with it.
func readPolicy(ctx context.Context, runtime *component.Runtime, path string) (*source, error) {
	written, err := documents.ReadFile(path, maxPolicy)
	if err != nil {
		return nil, fmt.Errorf("the policy cannot be read: %w; name a file with the option policy", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	instance, err := runtime.Instance(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = instance.Close(context.WithoutCancel(ctx)) }()
	isJSON := strings.EqualFold(filepath.Ext(path), ".json")
	report, err := instance.CheckPolicy(ctx, written, isJSON, path)
	if err != nil {
		return nil, fmt.Errorf("the policy %s could not be checked: %w", path, err)
	}
	if !report.Good {
		return nil, &PolicyError{path, report.Rendered}
	}
	source := &source{path, string(written), string(written), report.Rendered}
	if !isJSON {
		// The text interface takes JSON alone. The component has read the same text already, so this translates and judges nothing.
		source.loaded, err = fromTOML(source.written)
		if err != nil {
			return nil, &PolicyError{path, err.Error() + "; write the policy in JSON, in a file whose name ends in .json"}
		}
	}
	return source, nil
}

// fromTOML translates a text into JSON.
func fromTOML(text string) (string, error) {
	var policy map[string]any
	if _, err := toml.Decode(text, &policy); err != nil {
		return "", fmt.Errorf("this is no TOML: %w", err)
	}
	if err := onlyJSON(policy); err != nil {
		return "", err
	}
	translated, err := json.Marshal(policy)
	return string(translated), err
}

// onlyJSON sees that there is nothing that JSON does not have.
func onlyJSON(value any) error {
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			if err := onlyJSON(member); err != nil {
				return err
			}
		}
	case []map[string]any:
		for _, item := range value {
			if err := onlyJSON(item); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range value {
			if err := onlyJSON(item); err != nil {
				return err
			}
		}
	case time.Time:
		return errors.New("a policy has no dates")
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return errors.New("a number is not finite")
		}
	}
	return nil
}

// promisesMore says whether the policy promises a memory of used proofs that this process does not have.
func (s *source) promisesMore() bool {
	var policy struct {
		Replay string `json:"replay"`
	}
	return json.Unmarshal([]byte(s.loaded), &policy) == nil && policy.Replay != "" && policy.Replay != "node"
}
