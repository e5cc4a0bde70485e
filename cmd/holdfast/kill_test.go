//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/app"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// killWorld names, in the environment, the file that tells a process of the
// kill test where its world is. Such a process is the command, not the tests.
const killWorld = "HOLDFAST_TEST_WORLD"

func TestMain(m *testing.M) {
	if file := os.Getenv(killWorld); file != "" {
		os.Exit(int(commandIn(file)))
	}
	// A rehearsal starts this program again inside a namespace.
	if len(os.Args) == 3 && os.Args[1] == "rollover" && os.Args[2] == "perform" {
		os.Exit(int(interruptible(os.Args[1:], app.RealWorld())))
	}
	os.Exit(m.Run())
}

// served is a lab on loopback sockets, as another process finds it.
type served struct {
	Table   map[netip.Addr]netip.AddrPort
	Hints   []holdfast.Server
	Anchors []string
}

// commandIn runs the command line of this process in a served lab.
func commandIn(file string) app.Exit {
	text, err := os.ReadFile(file)
	var s served
	if err = errors.Join(err, json.Unmarshal(text, &s)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return app.Unworked
	}
	world := app.RealWorld()
	world.Dialer = ask.Mapped{Table: s.Table, Base: ask.LoopbackOnly{Base: ask.System{}}}
	world.Hints, world.Vantage, world.Anchors = s.Hints, "test", nil
	for _, text := range s.Anchors {
		anchor, err := wire.ParseRecord(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return app.Unworked
		}
		world.Anchors = append(world.Anchors, anchor)
	}
	return interruptible(os.Args[1:], world)
}

// serveLab serves a lab on loopback until the test ends, and writes down where.
func serveLab(t *testing.T, internet *lab.Internet, file string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan map[netip.Addr]netip.AddrPort, 1), make(chan error, 1)
	go func() {
		ended <- internet.Serve(ctx, lab.ServeConfig{Ready: func(table map[netip.Addr]netip.AddrPort) { ready <- table }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	var s served
	select {
	case s.Table = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range anchors {
		s.Anchors = append(s.Anchors, a.String())
	}
	s.Hints = internet.RootHints()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(text))
}

// killed is a test in which the watch is killed again and again.
type killed struct {
	t        *testing.T
	folder   string
	internet *lab.Internet
	post     postOffice
	random   *rand.Rand
	open     map[string]int // kills that left a notice's delivery open, by notice

	mu      sync.Mutex
	process *os.Process // owned by mu
	atMail  bool        // the next mail kills the process; owned by mu
}

func (k *killed) path(name string) string { return filepath.Join(k.folder, name) }

// start runs the command as a process of its own.
func (k *killed) start(args ...string) (*exec.Cmd, *bytes.Buffer) {
	k.t.Helper()
	cmd := exec.Command(os.Args[0], append(args, "--config", k.path("holdfast.toml"))...)
	cmd.Env = append(os.Environ(), killWorld+"="+k.path("world.json"))
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.mu.Lock()
	k.process = cmd.Process
	k.mu.Unlock()
	return cmd, &log
}

// mailTaken kills the process between a mail and its acknowledgement, where
// that is ordered: whether the mail arrived is then unknown to it.
func (k *killed) mailTaken() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.atMail {
		k.atMail = false
		_ = k.process.Kill()
	}
}

const killLab = `root
  ns a.root-servers.net. 198.41.0.4
  ns b.root-servers.net. 170.247.170.2
  zonemd
zone red.
  ns ns1.red. 192.0.2.1
  ns ns2.red. 192.0.2.2
zone green.
  ns ns1.green. 192.0.2.3
  ns ns2.green. 192.0.2.4
zone blue.
  ns ns1.blue. 192.0.2.5
  ns ns2.blue. 192.0.2.6
zone grey.
  ns ns1.grey. 192.0.2.7
  ns ns2.grey. 192.0.2.8
`

// Killed at any instant, the watch starts again with all that the record had
// acknowledged; each notice arrives, and comes again only where a kill left
// open whether it had: at most once more for each such kill.
func TestWatchKilledAtAnyInstant(t *testing.T) {
	k := &killed{t: t, folder: t.TempDir(), internet: labOf(t, killLab, 1), open: map[string]int{},
		random: rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))}
	k.post.taken = k.mailTaken
	if err := k.post.open(); err != nil {
		t.Fatal(err)
	}
	defer k.post.close()
	serveLab(t, k.internet, k.path("world.json"))
	writeFile(t, k.path("contacts.csv"), "tld,tech_email\nred,tech@red.test\ngrey,tech@grey.test\n")
	writeFile(t, k.path("holdfast.toml"), `
database = "`+k.path("holdfast.db")+`"
roster.sources = ["axfr:198.41.0.4:53"]
contacts.sources = ["csv"]
contacts.file = "`+k.path("contacts.csv")+`"
web.listen = "off"
ask.rate = -1
scan = { core = "1s", full = "2s", fast = "1s" }
alert = { staff = ["staff@registry.test", "second@registry.test"], contacts = "automatic" }
notify.mail = { server = "`+k.post.address+`", tls = "none", from = "watch@registry.test" }
notify.outbox = { first_retry = "1s", max_retry = "1s" }
`)
	r, err := record.Create(t.Context(), k.path("holdfast.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	acknowledged := map[string]int{}
	for round := range 7 {
		k.stir(round)
		k.mu.Lock()
		k.atMail = round%2 == 1
		k.mu.Unlock()
		cmd, log := k.start("watch")
		life := time.AfterFunc(time.Duration(300+k.random.IntN(1700))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		life.Stop()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
			t.Fatalf("round %d: the watch ended by itself: %v\n%s", round, err, log)
		}
		stillThere(t, r, acknowledged)
		for _, n := range inState(t, r, holdfast.NoticeSending) {
			k.open[n.ID]++
		}
	}
	k.mu.Lock()
	k.atMail = false
	k.mu.Unlock()
	cmd, log := k.start("watch")
	before := len(acknowledged)
	until(t, "the last life looks again, and all notices have left", func() bool {
		stillThere(t, r, acknowledged)
		return len(acknowledged) > before && len(inState(t, r, holdfast.NoticeQueued, holdfast.NoticeSending)) == 0 && allOpen(t, r)
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the watch, asked to stop: %v\n%s", err, log)
	}
	stillThere(t, r, acknowledged)
	k.checkNotices(r)

	// What was recorded in the last instant is judged by the next start.
	cmd, log = k.start("watch", "--once")
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != int(app.Broken) {
		t.Errorf("the last sweep: %v\n%s", err, log)
	}
	for m, err := range r.Unjudged(t.Context()) {
		t.Errorf("%s of %s was never judged (%v)", m.ID, m.Subject.Zone, err)
	}
	t.Logf("%d measurements, %d mails", len(acknowledged), len(k.post.all()))
}

// stir orders new trouble, so that each life of the watch has something to tell.
func (k *killed) stir(round int) {
	k.t.Helper()
	zone := []string{"red", "green", "blue", "grey"}[round%4]
	plan := lab.Plan{Start: k.internet.Start()}
	if err := lab.ParseFaults(strings.NewReader("* expire SOA,NS "+zone+" at -1h"), "stir", &plan); err != nil {
		k.t.Fatal(err)
	}
	for _, f := range plan.Faults {
		if _, err := k.internet.Order(f); err != nil {
			k.t.Fatal(err)
		}
	}
}

// stillThere reads all measurements, holds them against those seen before, and
// adds what is new. What another process has read was committed.
func stillThere(t *testing.T, r *record.Record, acknowledged map[string]int) {
	t.Helper()
	seen := map[string]int{}
	for m, err := range r.Measurements(t.Context(), time.Time{}, time.Time{}, "") {
		if err != nil {
			t.Fatal(err)
		}
		seen[m.ID] = len(m.Exchanges)
	}
	for id, exchanges := range acknowledged {
		if seen[id] != exchanges {
			t.Errorf("measurement %s had %d exchanges and has %d", id, exchanges, seen[id])
		}
	}
	for id, exchanges := range seen {
		acknowledged[id] = exchanges
	}
}

// inState are the notices in one of the states.
func inState(t *testing.T, r *record.Record, states ...holdfast.NoticeState) []holdfast.Notice {
	t.Helper()
	notices, err := r.Notices(t.Context(), record.NoticeFilter{States: states, Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	return notices
}

// allOpen says whether each zone has its incident.
func allOpen(t *testing.T, r *record.Record) bool {
	t.Helper()
	for _, zone := range []holdfast.Name{"red.", "green.", "blue.", "grey."} {
		incidents, err := r.Incidents(t.Context(), record.IncidentFilter{Zone: zone, States: []holdfast.State{holdfast.StateOpen}})
		if err != nil {
			t.Fatal(err)
		}
		expiry := 0
		for _, i := range incidents {
			if i.Trouble == holdfast.TroubleExpiry {
				expiry++
			}
		}
		if expiry > 1 {
			t.Fatalf("%s has %d incidents of one trouble", zone, expiry)
		}
		if expiry == 0 {
			return false
		}
	}
	return true
}

// checkNotices holds what arrived against what was decided on.
func (k *killed) checkNotices(r *record.Record) {
	k.t.Helper()
	notices := inState(k.t, r)
	arrived := map[string]int{}
	for _, m := range k.post.all() {
		arrived[m.messageID+" to "+m.to]++
	}
	opened := map[string]int{}
	for _, n := range notices {
		if _, err := r.Incident(k.t.Context(), n.Incident); err != nil {
			k.t.Errorf("notice %s tells of an incident that is not there: %v", n.ID, err)
		}
		key := n.MessageID + " to " + n.Recipient
		if count := arrived[key]; n.State != holdfast.NoticeSent || count < 1 || count > 1+k.open[n.ID] {
			k.t.Errorf("notice %s is %s and arrived %d times; %d kills left it open", n.ID, n.State, count, k.open[n.ID])
		}
		delete(arrived, key)
		if n.Reason == holdfast.ReasonOpened {
			opened[n.Incident+" to "+n.Recipient]++
		}
	}
	for key, count := range opened {
		if count > 1 {
			k.t.Errorf("the opening of %s was decided on %d times", key, count)
		}
	}
	for key := range arrived {
		k.t.Errorf("a mail arrived that nobody decided on: %s", key)
	}
	if len(notices) < 8 {
		k.t.Errorf("only %d notices were decided on: the test shows little", len(notices))
	}
}
