package registrytests

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool is the path of a client or of a registry that the machine has to have.
func tool(t *testing.T, name string) string {
	t.Helper()
	own := filepath.Join(checkout(t), ".tools/bin", name)
	if _, err := os.Stat(own); err == nil {
		return own
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: tools/need.sh skopeo docker-registry oci-clients", name)
	}
	return path
}

// client is a program for registries, as its user calls it. `home` is where it keeps what it is told.
type client struct {
	name string
	// prepare are the commands that come before any other.
	prepare func(host string) [][]string
	login   func(host, user string) []string
	// believes is whether login believes a password without asking the registry.
	believes bool
	// renews is when it fetches another token in the middle of something.
	renews renewal
	push   func(image *image, reference string) []string
	pull   func(reference, into string) []string
	digest func(reference string) []string
	// copy copies within one registry.
	copy func(from, to string) []string
	tags func(repository string) []string
	// catalog is nil for clients without.
	catalog func(host string) []string
	// delete deletes the manifest that a digest names.
	delete func(repository, digest string) []string
}

// renewal is when a client fetches another token.
type renewal struct {
	// expired and narrow are whether it does so as soon as the registry says `invalid_token` and `insufficient_scope`. Others try
	// again with what they have, or give up.
	expired, narrow bool
	// clock is whether it does so before a token is over, by what the token service says of its time, the past included. (regctl
	// does too, but takes a token that is over when it comes for a new one.)
	clock bool
}

func nothing(string) [][]string { return nil }

var crane = &client{
	name:     "crane",
	prepare:  nothing,
	believes: true,
	renews:   renewal{expired: true, narrow: true},
	login: func(host, user string) []string {
		return words("crane --insecure auth login --password-stdin -u", user, host)
	},
	push: func(image *image, reference string) []string {
		return words("crane --insecure push", image.folder, reference)
	},
	pull: func(reference, into string) []string {
		return words("crane --insecure pull --format=oci", reference, into)
	},
	digest:  func(reference string) []string { return words("crane --insecure digest", reference) },
	copy:    func(from, to string) []string { return words("crane --insecure copy", from, to) },
	tags:    func(repository string) []string { return words("crane --insecure ls", repository) },
	catalog: func(host string) []string { return words("crane --insecure catalog", host) },
	delete: func(repository, digest string) []string {
		return words("crane --insecure delete", repository+"@"+digest)
	},
}

var oras = &client{
	name:    "oras",
	renews:  renewal{expired: true, narrow: true},
	prepare: nothing,
	login: func(host, user string) []string {
		return words("oras login --plain-http --password-stdin -u", user, host)
	},
	push: func(image *image, reference string) []string {
		return words("oras cp --no-tty --from-oci-layout --to-plain-http", image.folder+":v1", reference)
	},
	pull: func(reference, into string) []string {
		return words("oras cp --no-tty --from-plain-http --to-oci-layout", reference, into+":v1")
	},
	digest: func(reference string) []string { return words("oras resolve --plain-http", reference) },
	copy: func(from, to string) []string {
		return words("oras cp --no-tty --from-plain-http --to-plain-http", from, to)
	},
	tags:    func(repository string) []string { return words("oras repo tags --plain-http", repository) },
	catalog: func(host string) []string { return words("oras repo ls --plain-http", host) },
	delete: func(repository, digest string) []string {
		return words("oras manifest delete --plain-http -f", repository+"@"+digest)
	},
}

var regctl = &client{
	name: "regctl",
	prepare: func(host string) [][]string {
		return [][]string{words("regctl registry set --skip-check --tls disabled", host)}
	},
	login: func(host, user string) []string {
		return words("regctl registry login --pass-stdin -u", user, host)
	},
	push: func(image *image, reference string) []string {
		return words("regctl image copy", "ocidir://"+image.folder+":v1", reference)
	},
	pull: func(reference, into string) []string {
		return words("regctl image copy", reference, "ocidir://"+into+":v1")
	},
	digest:  func(reference string) []string { return words("regctl image digest", reference) },
	copy:    func(from, to string) []string { return words("regctl image copy", from, to) },
	tags:    func(repository string) []string { return words("regctl tag ls", repository) },
	catalog: func(host string) []string { return words("regctl repo ls", host) },
	delete: func(repository, digest string) []string {
		return words("regctl manifest delete", repository+"@"+digest)
	},
}

var skopeo = &client{
	name:    "skopeo",
	renews:  renewal{narrow: true, clock: true},
	prepare: nothing,
	login: func(host, user string) []string {
		return words("skopeo login --tls-verify=false --password-stdin -u", user, host)
	},
	push: func(image *image, reference string) []string {
		return words("skopeo --insecure-policy copy --dest-tls-verify=false", "oci:"+image.folder+":v1", "docker://"+reference)
	},
	pull: func(reference, into string) []string {
		return words("skopeo --insecure-policy copy --src-tls-verify=false", "docker://"+reference, "oci:"+into+":v1")
	},
	digest: func(reference string) []string {
		return words("skopeo inspect --tls-verify=false --format {{.Digest}}", "docker://"+reference)
	},
	copy: func(from, to string) []string {
		return words("skopeo --insecure-policy copy --src-tls-verify=false --dest-tls-verify=false", "docker://"+from, "docker://"+to)
	},
	tags: func(repository string) []string {
		return words("skopeo list-tags --tls-verify=false", "docker://"+repository)
	},
	delete: func(repository, digest string) []string {
		return words("skopeo delete --tls-verify=false", "docker://"+repository+"@"+digest)
	},
}

var clients = []*client{crane, oras, regctl, skopeo}

// words is a command: a text of words, and more words as they are.
func words(first string, more ...string) []string { return append(strings.Fields(first), more...) }

// person is somebody at a machine of their own: clients with a home that nobody else has.
type person struct {
	t    *testing.T
	home string
	// more is more of the environment.
	more []string
}

// somebody is a person whom no registry knows yet. Every client knows that the registry speaks no TLS.
func somebody(t *testing.T, w *world) *person {
	t.Helper()
	p := &person{t: t, home: t.TempDir()}
	if !w.setup.registryTLS {
		for _, client := range clients {
			for _, command := range client.prepare(w.host()) {
				p.does(command)
			}
		}
	}
	return p
}

// alice is somebody who has signed in with every client of some.
func alice(t *testing.T, w *world, with ...*client) *person {
	t.Helper()
	p := somebody(t, w)
	for _, client := range with {
		p.signsIn(client, w, "alice", "wonderland")
	}
	return p
}

func (p *person) signsIn(with *client, w *world, user, password string) {
	p.t.Helper()
	if output, err := p.tries(with.login(w.host(), user), password); err != nil {
		p.t.Fatalf("%s login: %v: %s", with.name, err, output)
	}
}

// tries calls a client, with a text for it to read. It returns all that the client wrote.
func (p *person) tries(command []string, input string) (string, error) {
	p.t.Helper()
	context, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	call := exec.CommandContext(context, tool(p.t, command[0]), command[1:]...)
	call.Dir = p.home
	call.Stdin = strings.NewReader(input)
	in := func(name string) string { return filepath.Join(p.home, name) }
	call.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "TMPDIR=" + os.TempDir(), "DOCKER_CONFIG=" + in("docker"),
		"REGISTRY_AUTH_FILE=" + in("auth.json"), "REGCTL_CONFIG=" + in("regctl.json"), "XDG_RUNTIME_DIR=" + in("run"),
		"XDG_CONFIG_HOME=" + in("config"), "XDG_DATA_HOME=" + in("share"),
		// skopeo remembers where blobs are, below /var for root: others than root have that at home.
		"_CONTAINERS_ROOTLESS_UID=1000",
	}, p.more...)
	output, err := call.CombinedOutput()
	return string(output), err
}

// does calls a client, which has to succeed.
func (p *person) does(command []string) string {
	p.t.Helper()
	output, err := p.tries(command, "")
	if err != nil {
		p.t.Fatalf("%s: %v: %s", strings.Join(command, " "), err, output)
	}
	return output
}

// isRefused calls a client, which has to fail.
func (p *person) isRefused(command []string, input string) string {
	p.t.Helper()
	output, err := p.tries(command, input)
	if err == nil {
		p.t.Errorf("%s succeeds: %s", strings.Join(command, " "), output)
	}
	return output
}
