package controller

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"portcullis.example/registry/documents"
)

// options is what stands under `auth: portcullis:`.
type options struct {
	// policy is the policy's file.
	policy string
	// component is the component's file; empty for the one that is part of the program.
	component string
	// origin is the public origin of the registry, where requests do not tell it: behind a proxy that ends TLS.
	origin string
	// instances is how many requests are decided about at once; 0 for as many as there are processors.
	instances int
	// deadline is the longest that the component may take for a request; 0 for the default.
	deadline time.Duration
	// roots are authorities that are believed beside the system's when documents are fetched.
	roots []*x509.Certificate
	// pins are addresses for hosts of documents.
	pins []documents.Pin
	// cache is a folder for compiled code; empty for none.
	cache string
}

// readers read the options, by their names.
var readers = map[string]func(*options, any) error{
	"policy":    func(o *options, value any) error { return text(value, &o.policy) },
	"component": func(o *options, value any) error { return text(value, &o.component) },
	"cache":     func(o *options, value any) error { return text(value, &o.cache) },
	"origin": func(o *options, value any) error {
		if err := text(value, &o.origin); err != nil {
			return err
		}
		return isOrigin(o.origin)
	},
	"instances": func(o *options, value any) error {
		number, err := strconv.Atoi(fmt.Sprint(value))
		if err != nil || number < 1 || number > 1_024 {
			return fmt.Errorf("%v is no number from 1 to 1024", value)
		}
		o.instances = number
		return nil
	},
	"deadline": func(o *options, value any) error {
		deadline, err := time.ParseDuration(fmt.Sprint(value))
		if err != nil || deadline < time.Millisecond {
			return fmt.Errorf("%v is no time of a millisecond or more, such as 2s", value)
		}
		o.deadline = deadline
		return nil
	},
	"ca": func(o *options, value any) error {
		files, err := texts(value)
		for _, file := range files {
			roots, wrong := readRoots(file)
			if wrong != nil {
				return wrong
			}
			o.roots = append(o.roots, roots...)
		}
		return err
	},
	"resolve": func(o *options, value any) error {
		all, err := texts(value)
		for _, one := range all {
			pin, wrong := documents.ParsePin(one)
			if wrong != nil {
				return wrong
			}
			o.pins = append(o.pins, pin)
		}
		return err
	},
}

// readOptions reads what the registry's configuration says. The error names the option, and what there is where it is unknown.
func readOptions(parameters map[string]any) (*options, error) {
	read := &options{}
	names := make([]string, 0, len(parameters))
	for name := range parameters {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		reader := readers[name]
		if reader == nil {
			return nil, fmt.Errorf("auth.portcullis has no option %q; it has: %s", name, strings.Join(known(), ", "))
		}
		if err := reader(read, parameters[name]); err != nil {
			return nil, fmt.Errorf("auth.portcullis.%s: %w", name, err)
		}
	}
	if read.policy == "" {
		return nil, fmt.Errorf("auth.portcullis names no policy: write `policy: FILE` below it")
	}
	return read, nil
}

func known() []string {
	var names []string
	for name := range readers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func text(value any, to *string) error {
	is, ok := value.(string)
	if !ok || is == "" {
		return fmt.Errorf("%v is no text", value)
	}
	*to = is
	return nil
}

// texts is a text, or a list of texts.
func texts(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	all := make([]string, len(list))
	for number, one := range list {
		if err := text(one, &all[number]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func isOrigin(origin string) error {
	at, err := url.Parse(origin)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || origin != at.Scheme+"://"+at.Host {
		return fmt.Errorf("%q is no origin: write the scheme and the host, such as https://registry.example", origin)
	}
	return nil
}

func readRoots(file string) ([]*x509.Certificate, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var roots []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s holds what is no certificate: %w", file, err)
		}
		roots = append(roots, root)
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return roots, nil
}
