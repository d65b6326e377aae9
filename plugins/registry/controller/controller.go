package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sort"
	"strings"

	"github.com/distribution/distribution/v3/registry"
	"github.com/distribution/distribution/v3/registry/auth"

	"portcullis.example/registry/component"
	"portcullis.example/registry/documents"
	"portcullis.example/registry/embedded"
	"portcullis.example/registry/gate"
)

// Name is what the registry's configuration calls this access controller.
const Name = "portcullis"

func init() {
	if err := auth.Register(Name, func(parameters map[string]any) (auth.AccessController, error) {
		return New(context.Background(), parameters)
	}); err != nil {
		panic(err)
	}
	registry.RegisterHandler(middleware)
}

// judge is who decides: the gate.
type judge interface {
	Check(ctx context.Context, request *gate.Request) (*gate.Decision, error)
	Ask(ctx context.Context, request, result any) error
}

// Controller is an access controller (auth.AccessController).
type Controller struct {
	judge  judge
	origin string
	log    *slog.Logger
	close  func()
}

// New makes an access controller of what stands under `auth: portcullis:`. Each error says what to do.
func New(ctx context.Context, parameters map[string]any) (*Controller, error) {
	options, err := readOptions(parameters)
	if err != nil {
		return nil, err
	}
	log := slog.New(registryLog{})
	bytes, err := theComponent(options)
	if err != nil {
		return nil, err
	}
	compiled, err := component.Load(ctx, bytes, options.cache)
	if err != nil {
		return nil, fmt.Errorf("the component cannot be used: %w", err)
	}
	opened, err := gate.Open(ctx, gate.Options{
		Component: compiled,
		Policy:    options.policy,
		Instances: options.instances,
		Deadline:  options.deadline,
		Fetcher: documents.NewFetcher(documents.Options{
			Pins: options.pins, Roots: options.roots, Folder: filepath.Dir(options.policy),
		}),
		Log: log,
	})
	if err != nil {
		_ = compiled.Close(ctx)
		return nil, err
	}
	// Compiling takes a hundred megabytes that nobody needs any more.
	debug.FreeOSMemory()
	return &Controller{opened, options.origin, log, func() {
		opened.Close()
		_ = compiled.Close(context.WithoutCancel(ctx))
	}}, nil
}

func theComponent(options *options) ([]byte, error) {
	if options.component == "" {
		return embedded.Component()
	}
	bytes, err := os.ReadFile(options.component)
	if err != nil {
		return nil, fmt.Errorf("auth.portcullis.component: %w", err)
	}
	return bytes, nil
}

// Close ends the component's instances. Requests are denied from then on.
func (c *Controller) Close() { c.close() }

// Authorized implements auth.AccessController. An error is a denial, and a challenge (auth.Challenge).
func (c *Controller) Authorized(r *http.Request, access ...auth.Access) (grant *auth.Grant, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			c.log.Error("the plugin panicked", "panic", panicked, "stack", string(debug.Stack()))
			grant, err = nil, unavailable("the plugin panicked")
		}
	}()
	decision, err := c.judge.Check(r.Context(), c.request(r))
	if err != nil {
		return nil, unavailable(err.Error())
	}
	if !decision.Allows() {
		return nil, decided(decision)
	}
	if denied := c.covers(r, access); denied != nil {
		return nil, denied
	}
	if exchange := exchangeOf(r.Context()); exchange != nil {
		for _, field := range decision.ResponseHeaders {
			exchange.header.Add(field[0], field[1])
		}
	}
	grant = &auth.Grant{}
	if decision.Principal != nil {
		grant.User.Name = decision.Principal.Subject
	}
	for _, one := range access {
		if len(grant.Resources) == 0 || grant.Resources[len(grant.Resources)-1] != one.Resource {
			grant.Resources = append(grant.Resources, one.Resource)
		}
	}
	return grant, nil
}

// request is what the gate is told.
func (c *Controller) request(r *http.Request) *gate.Request {
	origin := c.origin
	if origin == "" {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		origin = scheme + "://" + r.Host
	}
	// A blob is not held back until it is whole: a credential that covers the body is refused.
	told := &gate.Request{Method: r.Method, Headers: fields(r.Header), BodyWithheld: r.ContentLength != 0}
	// The absolute form, `*` and an authority alone stand as they are: the gate knows what to make of them.
	if target := target(r); strings.HasPrefix(target, "/") {
		told.URL = origin + target
	} else {
		told.URL, told.Target = origin+"/", &target
	}
	if r.TLS != nil {
		for _, certificate := range r.TLS.PeerCertificates {
			told.Chain = append(told.Chain, certificate.Raw)
		}
	}
	return told
}

// target is the request's, as it was sent, without the registry's prefix: what a policy speaks of begins with `/v2/`.
func target(r *http.Request) string {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	if exchange := exchangeOf(r.Context()); exchange != nil {
		if rest, under := strings.CutPrefix(target, exchange.prefix); under && strings.HasPrefix(rest, "/") {
			return rest
		}
	}
	return target
}

// fields are header fields by name, repeats in their order. In which order names came nobody knows.
func fields(header http.Header) []gate.Field {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	sort.Strings(names)
	all := make([]gate.Field, 0, len(names))
	for _, name := range names {
		for _, value := range header[name] {
			all = append(all, gate.Field{name, value})
		}
	}
	return all
}

// access is what is needed of one resource, as the component has it.
type access struct {
	Type    string   `json:"type"`
	Class   string   `json:"class,omitempty"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// required and allows are what the component is asked about access (docs/batch.md).
type (
	required struct {
		ID     int    `json:"id"`
		Op     string `json:"op"`
		Method string `json:"method"`
		Path   string `json:"path"`
	}
	allows struct {
		ID       int      `json:"id"`
		Op       string   `json:"op"`
		Granted  []access `json:"granted"`
		Required []access `json:"required"`
	}
)

// covers sees that what the registry says it needs is what the gate has judged: it reads the request with a parser of its own, and
// the body of a form with it.
func (c *Controller) covers(r *http.Request, needed []auth.Access) error {
	if len(needed) == 0 {
		return nil
	}
	var judged struct {
		Access []access `json:"access"`
	}
	refusal := (*gate.Refusal)(nil)
	err := c.judge.Ask(r.Context(), required{0, "oci.required", r.Method, target(r)}, &judged)
	if errors.As(err, &refusal) {
		return notJudged("the registry needs what was not judged: " + refusal.Error())
	} else if err != nil {
		return unavailable(err.Error())
	}
	if same(judged.Access, needed) {
		return nil
	}
	granted := append([]access{}, judged.Access...)
	err = c.judge.Ask(r.Context(), allows{0, "oci.allows", granted, listed(needed)}, nil)
	if errors.As(err, &refusal) {
		return notJudged("the registry needs more than was judged: " + refusal.Error())
	} else if err != nil {
		return unavailable(err.Error())
	}
	return nil
}

// same says whether both are the same, item by item.
func same(judged []access, needed []auth.Access) bool {
	all := map[auth.Access]bool{}
	for _, one := range judged {
		for _, action := range one.Actions {
			all[auth.Access{Resource: auth.Resource{Type: one.Type, Class: one.Class, Name: one.Name}, Action: action}] = true
		}
	}
	for _, one := range needed {
		if !all[one] {
			return false
		}
	}
	found := map[auth.Access]bool{}
	for _, one := range needed {
		found[one] = true
	}
	return len(found) == len(all)
}

func listed(needed []auth.Access) []access {
	all := make([]access, 0, len(needed))
	for _, one := range needed {
		all = append(all, access{one.Type, one.Class, one.Name, []string{one.Action}})
	}
	return all
}
