package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/app"
	"github.com/holdfastdns/holdfast/internal/lab"
)

// TestScenarios runs testdata/scenario: each is a lab and what the real
// command says of it. Besides testscript's own commands there are
//
//	lab FILE             build the lab of a lab file (docs/formats/lab.md)
//	holdfast ARGS...     run the command in it; "! holdfast" wants another exit than 0
//	exit N               the exit code of the last holdfast was N
//	advance DURATION     move the lab's clock forward
//	fault WORDS...       order a fault, as a lab file writes it
//	repair ZONE          repair all that was ordered for a zone; "*": all
//	signed ZONE FILE     write the zone as the lab signs it now to a file
//	newer FILE           make a database look like one of a newer program
//	config FILE          set $WORK and $SMTP in a configuration file
//	smtp up|down         open or close a mail server; $SMTP is its address
//	mails                list what mails it has taken: how many, then recipient | subject
//	letter N             print the Nth mail as it came, the first being 1
//	notice PATTERN       set $NOTICE to the one notice of a list on stdout that matches
//	testbed up FILE      run "testbed serve" beside the scenario; "testbed down" ends it,
//	                     "testbed advance DURATION" moves its clock
//	page PATH [K=V...]   print a page of it, or send it a form; "! page" wants a refusal
//	await N              wait until N mails have been taken
//	link N VARIABLE      set a variable to the path of the first link of the Nth mail
func TestScenarios(t *testing.T) {
	scenarios(t, filepath.Join("..", "..", "testdata", "scenario"))
}

func scenarios(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			s := &stage{}
			env.Values[stageKey{}] = s
			env.Defer(s.post.close)
			env.Defer(func() { _ = s.bed.down() }) // a scenario that minds says "testbed down"
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"lab": labCommand, "holdfast": holdfastCommand, "exit": exitCommand,
			"advance": advanceCommand, "fault": faultCommand, "repair": repairCommand, "signed": signedCommand, "newer": newerCommand,
			"config": configCommand, "smtp": smtpCommand, "mails": mailsCommand, "letter": letterCommand, "notice": noticeCommand,
			"testbed": testbedCommand, "page": pageCommand, "await": awaitCommand, "link": linkCommand,
		},
	})
}

type stageKey struct{}

// stage is what one scenario has built.
type stage struct {
	internet *lab.Internet
	clock    *lab.Clock
	plan     lab.Plan
	exit     app.Exit
	post     postOffice
	bed      bedStage
}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

func need(ts *testscript.TestScript, neg bool, args []string, count int, usage string) {
	if neg || len(args) < count {
		ts.Fatalf("usage: %s", usage)
	}
}

func labCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "lab FILE")
	s := stageOf(ts)
	var err error
	s.plan, err = lab.Parse(strings.NewReader(ts.ReadFile(args[0])), args[0], os.DirFS(ts.MkAbs(".")))
	ts.Check(err)
	if s.plan.Start.IsZero() {
		s.plan.Start = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	}
	// The clock stands still between steps: what a scenario prints must not
	// depend on how fast it ran.
	s.clock = lab.NewClock(s.plan.Start, 1e-9)
	s.internet, err = lab.New(s.plan, s.clock)
	ts.Check(err)
}

func holdfastCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	world := app.World{
		Stdin: strings.NewReader(""), Stdout: ts.Stdout(), Stderr: ts.Stderr(),
		Clock: holdfast.Clock(lab.NewClock(time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC), 1)), Vantage: "scenario",
	}
	if s.internet != nil {
		anchors, err := s.internet.TrustAnchors()
		ts.Check(err)
		world.Clock, world.Dialer, world.Hints, world.Anchors = s.clock, s.internet, s.internet.RootHints(), anchors
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.exit = run(ctx, inFolder(ts, args), world)
	if neg == (s.exit == app.Healthy) {
		ts.Fatalf("exit %d", s.exit)
	}
}

// inFolder makes the files that arguments name absolute: scenarios run side by
// side and have no working directory of their own. For a file that is yet to
// be written a scenario says $WORK/file. A dot is the root zone.
func inFolder(ts *testscript.TestScript, args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = arg
		if path := ts.MkAbs(arg); !strings.HasPrefix(arg, "-") && arg != "." {
			if _, err := os.Stat(path); err == nil {
				out[i] = path
			}
		}
	}
	return out
}

func exitCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "exit N")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := int(stageOf(ts).exit); got != want {
		ts.Fatalf("exit %d, want %d", got, want)
	}
}

func advanceCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "advance DURATION")
	var d holdfast.Duration
	ts.Check(d.UnmarshalText([]byte(args[0])))
	stageOf(ts).clock.Advance(d.Of())
}

func faultCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "fault SERVER KIND ...")
	s := stageOf(ts)
	plan := s.plan
	plan.Faults = nil
	ts.Check(lab.ParseFaults(strings.NewReader(strings.Join(args, " ")), "fault", &plan))
	for _, f := range plan.Faults {
		_, err := s.internet.Order(f)
		ts.Check(err)
	}
}

func repairCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "repair ZONE")
	if internet := stageOf(ts).internet; args[0] == "*" {
		for id := range internet.Ordered() {
			internet.Repair(id)
		}
		return
	}
	zone, err := holdfast.ParseName(args[0])
	ts.Check(err)
	if stageOf(ts).internet.RepairZone(zone) == 0 {
		ts.Fatalf("nothing was ordered for %s", zone)
	}
}

func signedCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "signed ZONE FILE")
	zone, err := holdfast.ParseName(args[0])
	ts.Check(err)
	internet := stageOf(ts).internet
	records, err := internet.SignedZone(zone, internet.Clock().Now())
	ts.Check(err)
	var text strings.Builder
	for _, r := range records {
		text.WriteString(r.String() + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text.String()), 0o644))
}

// newerCommand writes a great number into the header's user version
// (https://sqlite.org/fileformat.html, section 1.3).
func newerCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "newer FILE")
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	_, err = file.WriteAt([]byte{0, 0, 3, 0xe7}, 60)
	ts.Check(errors.Join(err, file.Close()))
}

// TestEveryCheckIsComplete holds each check of the catalogue to its page, its
// clause, a scenario that fires it and one that stays silent.
func TestEveryCheckIsComplete(t *testing.T) {
	root := filepath.Join("..", "..")
	pages := map[string]bool{}
	for _, check := range app.NewCatalogue(nil, nil).Checks {
		pages[check.Code+".md"] = true
		page, err := os.ReadFile(filepath.Join(root, "docs", "checks", check.Code+".md"))
		if err != nil {
			t.Errorf("%s has no page: %v", check.Code, err)
		} else if !strings.Contains(string(page), check.Name) {
			t.Errorf("the page of %s does not have its name, %s", check.Code, check.Name)
		}
		if check.Reference == "" || check.Summary == "" || check.Name == "" {
			t.Errorf("%s lacks its clause, summary or name", check.Code)
		}
		for _, kind := range []string{"fires", "silent"} {
			file := filepath.Join(root, "testdata", "scenario", check.Code+"-"+kind+".txtar")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s: no scenario: %v", check.Code, err)
				continue
			}
			script, _, _ := strings.Cut(string(text), "\n-- ")
			asserted := regexp.MustCompile(`(?m)^(!?) ?stdout .*` + check.Code).FindStringSubmatch(script)
			if asserted == nil || (asserted[1] == "!") != (kind == "silent") {
				t.Errorf("%s does not assert that %s %s", file, check.Code, kind)
			}
		}
	}
	written, err := filepath.Glob(filepath.Join(root, "docs", "checks", "*-*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range written {
		if !pages[filepath.Base(page)] {
			t.Errorf("%s is about a check that is not in the catalogue", page)
		}
	}
}
