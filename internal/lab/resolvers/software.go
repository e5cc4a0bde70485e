package resolvers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Software is a resolver that can be run here.
type Software struct {
	Name    string // unbound-static
	Title   string // Unbound
	Package string // Debian's
	// Follows says that it is set up to follow RFC 5011.
	Follows bool
	// Forwards says that it asks another resolver, and needs Setting.Upstream.
	Forwards bool
	// Leaps says why it cannot play while clocks leap; empty: it can.
	Leaps string

	programs []string // all must be there; the first is the daemon
	version  []string // its arguments
	setup    func(Setting, map[string]string) setup
	states   func(Setting) []source
	// bootstrap has its helper fetch the file of trust anchors; nil where it has none.
	bootstrap func(context.Context, *Daemon) (exit int, said string, err error)
}

// setup is what a resolver is started with.
type setup struct {
	config string            // the name of the file among files that people want to see
	files  map[string]string // by name, in its folder
	args   []string
	env    []string
	// state is the file that it keeps its anchors in, empty where it keeps none;
	// cache what a start with an empty cache does without.
	state, cache []string
}

// All are the resolvers that can be run, in the order in which they are shown.
func All() []Software {
	return []Software{unbound(), bind(), knot(), pdns(), unboundStatic(), dnsmasq()}
}

// Names are those of software, for people.
func Names(all []Software) []string {
	var out []string
	for _, s := range all {
		out = append(out, s.Name)
	}
	return out
}

// Select finds resolvers by name; none named: all of them. What another forwards
// to is not added by itself.
func Select(names []string) ([]Software, error) {
	all := All()
	if len(names) == 0 {
		return all, nil
	}
	var out []Software
	for _, name := range names {
		i := slices.IndexFunc(all, func(s Software) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("select resolvers: %q is none of %s", name, strings.Join(Names(all), ", "))
		}
		if !slices.ContainsFunc(out, func(s Software) bool { return s.Name == name }) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

// ErrMissing says that a program is not installed.
var ErrMissing = errors.New("not installed")

// Find looks for a program in PATH and where Debian keeps daemons, which the PATH
// of people who are not root lacks.
func Find(program string) (string, error) {
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		path := filepath.Join(folder, program)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", program, ErrMissing)
}

// find finds all programs of a software, by name.
func (s Software) find() (map[string]string, error) {
	out := map[string]string{}
	for _, program := range s.programs {
		path, err := Find(program)
		if err != nil {
			return nil, fmt.Errorf("%w (Debian's package %s has it)", err, s.Package)
		}
		out[program] = path
	}
	return out, nil
}

// asking bounds how long a program may take to say its version or its state.
const asking = 5 * time.Second

// Actor says what is known of a software before it plays: its version and its
// Debian package, or why it cannot play.
func (s Software) Actor(ctx context.Context) holdfast.Actor {
	actor := holdfast.Actor{Name: s.Name, Software: s.Title, Follows: s.Follows}
	programs, err := s.find()
	if err != nil {
		actor.Skipped = err.Error()
		return actor
	}
	out, _ := say(ctx, nil, programs[s.programs[0]], s.version...) // some end with an error after they said it
	actor.Version = versionIn(out)
	if query, err := Find("dpkg-query"); err == nil {
		if out, err := say(ctx, nil, query, "-W", "-f", "${Version}", s.Package); err == nil {
			actor.Package = s.Package + " " + strings.TrimSpace(out)
		}
	}
	return actor
}

// versionIn is the first word of a text that begins with a digit and has a dot.
func versionIn(text string) string {
	for _, word := range strings.Fields(text) {
		if word[0] >= '0' && word[0] <= '9' && strings.Contains(word, ".") && !strings.Contains(word, ":") {
			return word
		}
	}
	return ""
}

// maxSaid bounds what is kept of what a program says.
const maxSaid = 1 << 18

// say runs a program to its end and gives what it wrote.
func say(ctx context.Context, env []string, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, time.Second
	err := cmd.Run()
	return string(out.Bytes()[:min(out.Len(), maxSaid)]), err
}

// Setting is what a resolver is set up with.
type Setting struct {
	Folder   string         // its own and there, for all that it reads and writes
	At       netip.AddrPort // where it answers; from this address it also asks
	Hints    string         // file of the root's servers (named.root form)
	Anchors  []wire.Record  // DNSKEY records of the root that it begins with
	ByDigest bool           // it begins with their DS alone
	Upstream netip.AddrPort // of one that forwards
	// Timers are what it is set to. Where Usual is set it is left as it comes,
	// with the timers of RFC 5011.
	Timers holdfast.Timers
	Usual  bool
	// Env are variables that it is started with beside ours.
	Env []string
	// Bootstrap is where its helper fetches trust anchors.
	Bootstrap Bootstrap
	// Disk is the room for its state in octets, on a file system of its own; 0: it
	// has none of its own. It needs a mount namespace.
	Disk int
}

func (s Setting) path(name string) string { return filepath.Join(s.Folder, name) }

// ceil is a duration in whole seconds, one at least.
func ceil(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }

// cacheSeconds is the most seconds that a resolver of an accelerated play keeps an answer:
// half the TTL of the root's keys, so that what it says is never older than that.
func (s Setting) cacheSeconds() int { return ceil(s.Timers.TTL / 2) }

// keys are the anchors as lines of DNSKEY, or of DS where it is to begin with
// those.
func (s Setting) keys() string {
	var out strings.Builder
	if s.ByDigest {
		for _, ds := range s.digests() {
			fmt.Fprintln(&out, ". 3600 IN DS "+ds)
		}
		return out.String()
	}
	for _, r := range s.Anchors {
		fmt.Fprintln(&out, strings.ReplaceAll(r.String(), "\t", " "))
	}
	return out.String()
}

// digests are the anchors as DS data: tag, algorithm, 2, digest in hex. What is neither a
// DNSKEY nor a DS record is left out.
func (s Setting) digests() []string {
	var out []string
	for _, r := range s.Anchors {
		ds, err := r.DS()
		if key, other := r.DNSKEY(); err != nil && other == nil {
			ds, err = key.Digest(holdfast.Root, 2)
		}
		if err == nil {
			out = append(out, fmt.Sprintf("%d %d %d %X", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
		}
	}
	return out
}
