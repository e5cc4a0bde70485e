package record

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// The writer of the kill tests is this test program, run again with the path of
// a database in its environment: it writes until it is killed, and says on its
// standard output what was acknowledged.
const victimVariable = "HOLDFAST_RECORD_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimVariable); path != "" {
		if err := victim(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// victim does what a watch does, four zones at once, and tells of each thing
// that it was told is durable.
func victim(path string) error {
	ctx := context.Background()
	r, err := Open(ctx, path)
	if err != nil {
		return err
	}
	run := os.Getenv(victimVariable + "_RUN")
	failed := make(chan error)
	for lane := range 4 {
		go func() { failed <- r.drudge(ctx, run, lane) }()
	}
	go func() {
		for i := 0; ; i++ { // in between, as the outbox does
			if _, err := r.Prune(ctx, Retention{Age: 24 * time.Hour}, morning); err != nil {
				failed <- err
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return <-failed
}

func (r *Record) drudge(ctx context.Context, run string, lane int) error {
	w := newWorld(uint64(lane)*1000+uint64(len(run)), 4)
	z := w.zones[lane]
	for i := 0; ; i++ {
		id := fmt.Sprintf("%s-%d-%d", run, lane, i)
		at := morning.Add(time.Duration(i) * time.Second)
		w.sign(z)
		m := w.core(z, id, "sweep-"+run, "", at)
		if err := r.Measured(ctx, m); err != nil {
			return err
		}
		fmt.Printf("measured %s %d\n", id, len(m.Exchanges))
		v := w.verdict(z, id, at)
		v.Findings = []holdfast.Finding{finding(z, fmt.Sprintf("SIG-%d", i), holdfast.SeverityWarning)}
		if err := r.Found(ctx, z.subject, v, holdfast.Past{Since: morning.Add(-time.Hour), Until: at, Looks: i + 1}); err != nil {
			return err
		}
		fmt.Printf("found %s %s\n", id, z.subject.Zone)
		if err := r.Decide(ctx, []holdfast.Incident{incident(id, holdfast.SeverityError, at, z.subject.Zone)}, []holdfast.Notice{notice(id, holdfast.NoticeHeld, at)}); err != nil {
			return err
		}
		fmt.Printf("held %s\n", id)
		steps := []struct {
			said string
			do   func() error
		}{
			{"queued", func() error { return r.ReleaseNotice(ctx, id, at) }},
			{"sending", func() error { return r.ClaimNotice(ctx, id, at) }},
			{"sent", func() error { return r.SettleNotice(ctx, id, holdfast.NoticeSent, at, time.Time{}, "") }},
		}
		for _, step := range steps {
			if err := step.do(); err != nil {
				return err
			}
			fmt.Printf("%s %s\n", step.said, id)
		}
	}
}

// killed runs the victim for a while, kills it (SIGKILL, no farewell), and
// answers what it had said.
func killed(t *testing.T, path, run string, after time.Duration) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0])
	command.Env = append(os.Environ(), victimVariable+"="+path, victimVariable+"_RUN="+run)
	said, err := command.StdoutPipe()
	noError(t, err)
	var complaint strings.Builder
	command.Stderr = &complaint
	noError(t, command.Start())
	timer := time.AfterFunc(after, func() { command.Process.Kill() })
	defer timer.Stop()
	var lines []string
	for scanner := bufio.NewScanner(said); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	command.Wait()
	if complaint.Len() > 0 {
		t.Fatalf("the writer failed before it was killed: %s", complaint.String())
	}
	return lines
}

func TestKilledAtAnyInstant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record.db")
	r, err := Create(t.Context(), path)
	noError(t, err)
	noError(t, r.Close())
	times := 12
	if testing.Short() {
		times = 3
	}
	acknowledged := 0
	for run := range times {
		lines := killed(t, path, fmt.Sprint("run", run), time.Duration(100+rand.IntN(500))*time.Millisecond)
		acknowledged += len(lines)
		r, err := Open(t.Context(), path)
		noError(t, err)
		noError(t, r.holds(t.Context(), lines))
		pastsGoWithVerdicts(t, r)
		intact(t, r)
		// Recovery, as at the start of a watch: what was not judged is, and what
		// was being sent is queued.
		for m, err := range r.Unjudged(t.Context()) {
			noError(t, err)
			if len(m.Exchanges) == 0 {
				t.Errorf("%s was half recorded", m.ID)
			}
		}
		sending, err := r.Notices(t.Context(), NoticeFilter{States: []holdfast.NoticeState{holdfast.NoticeSending}})
		noError(t, err)
		if n, err := r.RecoverSending(t.Context(), morning); err != nil || n != len(sending) || n > 4*(run+1) {
			t.Errorf("%d recovered of %d in sending: %v", n, len(sending), err)
		}
		noError(t, r.Close())
	}
	if acknowledged < times {
		t.Errorf("only %d things were acknowledged in %d runs: the test shows nothing", acknowledged, times)
	}
	t.Logf("%d acknowledged, %d times killed", acknowledged, times)
}

// pastsGoWithVerdicts: what is known of a zone is what was known when its
// latest verdict was reached, never more nor less.
func pastsGoWithVerdicts(t *testing.T, r *Record) {
	t.Helper()
	statuses, err := r.Statuses(t.Context())
	noError(t, err)
	for _, status := range statuses {
		past, err := r.Past(t.Context(), status.Subject.Zone)
		noError(t, err)
		if !past.Until.Equal(status.Verdict.At) {
			t.Errorf("%s: the verdict is of %s, the past goes to %s", status.Subject.Zone, status.Verdict.At, past.Until)
		}
	}
}

// holds looks for all that was acknowledged. The pipe may hold less than was
// done, never more; a notice may have gone on since.
func (r *Record) holds(ctx context.Context, lines []string) error {
	order := map[string]int{"held": 0, "queued": 1, "sending": 2, "sent": 3}
	for _, line := range lines {
		words := strings.Fields(line)
		switch words[0] {
		case "measured":
			m, err := r.Measurement(ctx, words[1])
			if err != nil || fmt.Sprint(len(m.Exchanges)) != words[2] {
				return fmt.Errorf("%s: %d exchanges, %w", line, len(m.Exchanges), err)
			}
		case "found":
			status, err := r.Status(ctx, holdfast.Name(words[2]))
			if err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			m, err := r.Measurement(ctx, words[1])
			if err != nil || status.Verdict.At.Before(m.Started) && strings.HasPrefix(status.Verdict.Measurement, words[1][:5]) {
				return fmt.Errorf("%s: the status is of %s, %w", line, status.Verdict.Measurement, err)
			}
		default:
			n, err := r.Notice(ctx, words[1])
			if err != nil || order[string(n.State)] < order[words[0]] {
				return fmt.Errorf("%s: the notice is %q, %w", line, n.State, err)
			}
			if _, err := r.Incident(ctx, words[1]); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
		}
	}
	return nil
}
