package registrytests

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// compiled is the folder where plugins share the code that they have compiled.
var compiled string

// patience is how long anything may take before a test gives it up.
const patience = 60 * time.Second

// checkout is the folder of the project.
func checkout(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../..")
	must(t, err)
	return folder
}

// portcullis is the command line, as it was built; PORTCULLIS_BIN names another.
func portcullis(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	program := os.Getenv("PORTCULLIS_BIN")
	if program == "" {
		program = filepath.Join(checkout(t), "dist/bin/portcullis")
	}
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), "PORTCULLIS_COMPONENTS="+filepath.Join(checkout(t), "dist/components"))
	return command
}

// must ends the test where something went wrong that is not what the test is about.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// write makes a file, whole or not at all, and returns its path.
func write(t *testing.T, path, text string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path+".next", []byte(text), 0o600))
	must(t, os.Rename(path+".next", path))
	return path
}

// The ports that freePort gives: below those that systems hand out for a bind to port 0 and for a connection (from 32768
// on Linux, from 49152 by RFC 6335 section 6), so that none of these takes one before its server does.
const firstPort, endOfPorts = 10_240, 32_768

// triedPorts counts the ports that freePort has tried.
var triedPorts atomic.Int64

// freePort is a port that nobody has at this moment, that no other connection will take, and that was not given before.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		tried := int(triedPorts.Add(1))
		if tried > endOfPorts-firstPort {
			t.Fatal("there is no free port left")
		}
		port := firstPort + (os.Getpid()*97+tried)%(endOfPorts-firstPort)
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			must(t, listener.Close())
			return port
		}
	}
}

// process is a server that a test started.
type process struct {
	command *exec.Cmd
	log     *written
	ended   chan struct{}
}

// written is what a process has written so far.
type written struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (w *written) Write(text []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.Write(text)
}

func (w *written) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.String()
}

// clocked is a command whose wall clock stands where it is told (`tests/clock/clock.c`).
func clocked(t *testing.T, command *exec.Cmd, at time.Time) *exec.Cmd {
	t.Helper()
	folder := t.TempDir()
	library := filepath.Join(folder, "clock.so")
	source := filepath.Join(checkout(t), "tests/clock/clock.c")
	if output, err := exec.Command("cc", "-O2", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	seconds := string(binary.NativeEndian.AppendUint64(nil, uint64(at.Unix())))
	command.Env = append(command.Environ(), "LD_PRELOAD="+library, "CLOCK_FILE="+write(t, filepath.Join(folder, "clock"), seconds))
	return command
}

// start starts a server and waits until its port answers. It ends with the test, and its log is shown where the test failed.
func start(t *testing.T, command *exec.Cmd, port int) *process {
	t.Helper()
	p := &process{command, &written{}, make(chan struct{})}
	command.Stdout, command.Stderr = p.log, p.log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	must(t, command.Start())
	go func() {
		defer close(p.ended)
		_ = command.Wait()
	}()
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", filepath.Base(command.Path), lastLines(p.log.String(), 40))
		}
	})
	await(t, fmt.Sprintf("%s answers at port %d", filepath.Base(command.Path), port), func() bool {
		if !p.alive() {
			t.Fatalf("%s ended: %s", filepath.Base(command.Path), p.log)
		}
		connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			connection.Close()
		}
		return err == nil
	})
	return p
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *process) end() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

func lastLines(text string, number int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-number):], "\n")
}

// world is what a test sets up: a policy, a token service, a registry, and a recording proxy before each of the two.
type world struct {
	t      *testing.T
	folder string
	// setup is how it is different from others.
	setup setup
	// registry and tokens stand before the registry and the token service; their addresses are the public ones.
	registry, tokens *proxy
	// registryPort and tokensPort are those of the servers.
	registryPort, tokensPort int
	// registryServer and tokensServer are the servers; tokensServer is nil where there is no token service.
	registryServer, tokensServer *process
}

// setup is in what a test's servers differ from those of other tests.
type setup struct {
	// behind is how far the token service's clock is behind.
	behind time.Duration
	// refresh is how often documents are fetched again, `limits.keys_refresh`; a second where it is empty.
	refresh string
	// policy is more of the policy.
	policy string
	// tokenService is more of `[registry.token_service]`.
	tokenService string
	// listener is more of the token service's listener.
	listener string
	// serve is more arguments of `portcullis serve`.
	serve []string
	// plugin is more options of the plugin.
	plugin string
	// http is more of the registry's `http`.
	http string
	// tokensTLS is whether the token service speaks TLS itself, and no proxy stands before it.
	tokensTLS bool
	// registryTLS is whether the registry speaks TLS itself, and no proxy stands before it.
	registryTLS bool
}

// subject is a registry under test, and how it is told who may do what.
type subject struct {
	name string
	// tokenService is whether clients fetch tokens.
	tokenService bool
	// run starts the registry of a world.
	run func(*world)
}

var (
	// distribution2 is Debian's registry, which knows of Portcullis nothing but the root of its token service.
	distribution2 = subject{"docker-registry with the token service", true, (*world).runDistribution2}
	// plugin is the registry with Portcullis inside, and the token service.
	plugin = subject{"plugin with the token service", true, (*world).runPlugin}
	// alone is the registry with Portcullis inside, to which clients bring credentials of their own.
	alone = subject{"plugin alone", false, (*world).runPlugin}

	withTokens = []subject{distribution2, plugin}
	everyOne   = []subject{distribution2, plugin, alone}
)

// service is what the registry is called in tokens.
const service = "registry.example"

// usersFile has alice, whose password is "wonderland", and bob, whose password is "looking glass".
const usersFile = "alice:" + wonderland + "\nbob:" + lookingGlass + "\n"

const (
	wonderland   = "$2a$04$Rd3EwMVoQh/yl9fBMNgqOupNt6azVQV4lG4D.r86YwqkMif3UUAGq"
	lookingGlass = "$2a$04$xbd4JIgNbN0.1PSN6HTfaupReSHz6.lKfsZ0HokjHSWxANE7zSGSe"
)

// grants are those of every test: everybody pulls below `public`, alice does what she likes, bob pulls below `team`.
const grants = `
[[registry.grants]]
name = "public"
anonymous = true
repositories = ["public/{name...}"]
actions = ["pull"]

[[registry.grants]]
users = ["alice"]
repositories = ["{name...}"]
actions = ["*"]
catalog = true

[[registry.grants]]
users = ["bob"]
repositories = ["team/{name...}"]
actions = ["pull"]
`

// newWorld sets up a subject.
func newWorld(t *testing.T, of subject, setup setup) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir(), setup: setup, registryPort: freePort(t), tokensPort: freePort(t)}
	w.registry, w.tokens = newProxy(t, w.registryPort), newProxy(t, w.tokensPort)
	write(t, w.path("users"), usersFile)
	write(t, w.path("registry.toml"), w.policy(of.tokenService))
	if of.tokenService {
		w.startTokens(w.tokensPort)
	}
	of.run(w)
	return w
}

// each runs a test with each of some subjects.
func each(t *testing.T, subjects []subject, setup setup, test func(*testing.T, *world, subject)) {
	for _, of := range subjects {
		t.Run(of.name, func(t *testing.T) { test(t, newWorld(t, of, setup), of) })
	}
}

func (w *world) path(name string) string { return filepath.Join(w.folder, name) }

// host is the registry's public address, as clients write it.
func (w *world) host() string {
	if w.setup.registryTLS {
		return fmt.Sprintf("localhost:%d", w.registryPort)
	}
	return w.registry.host()
}

// reference is an image of the registry.
func (w *world) reference(name string) string { return w.host() + "/" + name }

// registryURL and tokensURL are the origins.
func (w *world) registryURL() string { return scheme(w.setup.registryTLS) + w.host() }

func (w *world) tokensURL() string {
	if w.setup.tokensTLS {
		return fmt.Sprintf("https://localhost:%d", w.tokensPort)
	}
	return "http://" + w.tokens.host()
}

func (w *world) realm() string { return w.tokensURL() + "/token" }

func scheme(tls bool) string {
	if tls {
		return "https://"
	}
	return "http://"
}

// policy is what the registry and the token service are both told.
func (w *world) policy(realm bool) string {
	text := fmt.Sprintf("origins = [%q, %q]\n", w.registryURL(), w.tokensURL())
	if realm {
		text += fmt.Sprintf("[[issuers]]\nname = \"tokens\"\nissuer = %q\nprofile = \"registry\"\nkeys = %q\n",
			w.tokensURL(), w.tokensURL()+"/jwks")
	}
	refresh := w.setup.refresh
	if refresh == "" {
		refresh = "1s"
	}
	text += fmt.Sprintf("[limits]\nkeys_refresh = %q\n[registry]\nservices = [%q]\nhosts = [%q]\nusers = %q\n",
		refresh, service, w.host(), "file:"+w.path("users"))
	if realm {
		text += fmt.Sprintf("realm = %q\n", w.realm())
	}
	return text + grants + w.setup.policy
}

// startTokens starts the token service, at a port.
func (w *world) startTokens(port int) {
	w.t.Helper()
	command := w.tokensCommand("tokens.toml", port)
	if w.setup.behind != 0 {
		command = clocked(w.t, command, time.Now().Add(-w.setup.behind))
	}
	w.tokensServer = start(w.t, command, port)
}

// tokensCommand is a token service of this world at a port, with a policy's file of its own.
func (w *world) tokensCommand(file string, port int) *exec.Cmd {
	w.t.Helper()
	text := w.policy(true) + fmt.Sprintf("\n[registry.token_service]\nissuer = \"tokens\"\n%s\n", w.setup.tokenService) +
		fmt.Sprintf("[[listeners]]\nname = \"tokens\"\naddress = \"127.0.0.1:%d\"\nserves = \"tokens\"\n%s\n", port, w.setup.listener)
	arguments := []string{"serve", "--policy", write(w.t, w.path(file), text), "--token-keys", w.path("keys")}
	return portcullis(w.t, append(arguments, w.setup.serve...)...)
}

// configuration is that of either registry, but for who may do what.
func (w *world) configuration(auth string) string {
	w.t.Helper()
	return write(w.t, w.path("registry.yml"), fmt.Sprintf(`version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %s}
  delete: {enabled: true}
http:
  addr: 127.0.0.1:%d
  secret: s
%s
%s`, w.path("storage"), w.registryPort, w.setup.http, auth))
}

func (w *world) runDistribution2() {
	w.t.Helper()
	root, err := portcullis(w.t, "registry", "root", "--keys", w.path("keys")).Output()
	must(w.t, err)
	file := w.configuration(fmt.Sprintf("auth:\n  token:\n    realm: %s\n    service: %s\n    issuer: %s\n    rootcertbundle: %s\n",
		w.realm(), service, w.tokensURL(), write(w.t, w.path("root.pem"), string(root))))
	w.registryServer = start(w.t, exec.Command(tool(w.t, "docker-registry"), "serve", file), w.registryPort)
}

func (w *world) runPlugin() {
	w.t.Helper()
	w.serveDistribution3(fmt.Sprintf("auth:\n  portcullis:\n    policy: %s\n    cache: %s\n%s",
		w.path("registry.toml"), compiled, w.setup.plugin))
}

// serveDistribution3 starts the registry that has the plugin, whether it is asked to use it or not.
func (w *world) serveDistribution3(auth string) {
	w.t.Helper()
	program := filepath.Join(checkout(w.t), "dist/registry/portcullis-registry")
	w.registryServer = start(w.t, exec.Command(program, "serve", w.configuration(auth)), w.registryPort)
}

// rotate has the token service sign with another key at once, and waits until it publishes it.
func (w *world) rotate() {
	w.t.Helper()
	before := w.keys()
	output, err := portcullis(w.t, "registry", "rotate", "--now", "--keys", w.path("keys")).CombinedOutput()
	if err != nil {
		w.t.Errorf("rotate: %v: %s", err, output)
		return
	}
	await(w.t, "the new key is published", func() bool { return w.keys() != before })
}

// keys is the key set of the token service, as it is published.
func (w *world) keys() string {
	answer := ask(w.t, "GET", w.tokensURL()+"/jwks", nil, "")
	return answer.body
}

// isWell asks both servers for something good, which they have to be alive for.
func (w *world) isWell(t *testing.T) {
	t.Helper()
	if w.tokensServer != nil && !w.tokensServer.alive() || !w.registryServer.alive() {
		t.Fatal("a server has ended")
	}
	credential := basic("alice", "wonderland")
	if w.tokensServer != nil {
		credential = "Bearer " + w.token(t, credential, "").Token
	}
	if answer := ask(t, "GET", w.registryURL()+"/v2/", http.Header{"Authorization": {credential}}, ""); answer.status != 200 {
		t.Errorf("a good credential afterwards: %v", answer)
	}
}
