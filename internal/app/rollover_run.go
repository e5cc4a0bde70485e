package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	judge "github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/lab/rehearsal"
	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
)

// RolloverOptions are the flags of `holdfast rollover run`, as given.
type RolloverOptions struct {
	Plays      []string // names or files; "all"
	Resolvers  []string
	Clock      string
	Every      time.Duration
	Folder     string
	SideBySide int
	Page       string // write a page of HTML there; empty: none
	JSON       bool
}

// Accelerated is the clock of rehearsals unless another is asked for.
const Accelerated = rehearsal.Accelerated

// rehearsed is what came of one play.
type rehearsed struct {
	Play     string           `json:"play"`
	Title    string           `json:"title"`
	Evidence string           `json:"evidence"` // file
	Matrix   *holdfast.Matrix `json:"matrix,omitempty"`
	Failed   string           `json:"failed,omitempty"` // why it could not be performed
}

// rehearsals is what `rollover run --json` prints.
type rehearsals struct {
	Format     string      `json:"format"` // holdfast-rehearsals/1
	Rehearsals []rehearsed `json:"rehearsals"`
}

// RolloverRun performs plays with real resolvers, keeps the evidence and judges it.
func RolloverRun(ctx context.Context, w World, o RolloverOptions) (Exit, error) {
	plays, err := playsOf(o.Plays)
	if err != nil {
		return Unworked, err
	}
	if _, err := resolvers.Select(o.Resolvers); err != nil {
		return Unworked, advise(fmt.Errorf("rollover: %w", err), "--resolver takes names joined by commas, such as unbound,bind.")
	}
	if clocks := []string{rehearsal.Accelerated, rehearsal.Faketime, rehearsal.Wall}; !slices.Contains(clocks, o.Clock) {
		return Unworked, fmt.Errorf("rollover: clock %q: want %s, %s or %s", o.Clock, clocks[0], clocks[1], clocks[2])
	}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return Unworked, fmt.Errorf("rollover: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return Unworked, fmt.Errorf("rollover: find this program: %w", err)
	}
	board := newBoard(w, plays, o.JSON)
	host := rehearsal.Host{Program: self, Args: []string{"rollover", "perform"}, Folder: o.Folder, Tell: board.tell}
	results := performAll(ctx, host, plays, o, board)
	board.stop()
	if o.Page != "" {
		var judged []holdfast.Matrix
		for _, r := range results {
			if r.Matrix != nil {
				judged = append(judged, *r.Matrix)
			}
		}
		if err := writeMatrixPage(o.Page, judged); err != nil {
			return Unworked, err
		}
	}
	if o.JSON {
		if err := writeJSON(w.Stdout, rehearsals{"holdfast-rehearsals/1", results}); err != nil {
			return Unworked, err
		}
	}
	return exitForRehearsals(results), ctx.Err()
}

// performAll performs plays side by side, in namespaces that know nothing of one
// another; results are in the order of the plays.
func performAll(ctx context.Context, host rehearsal.Host, plays []holdfast.Play, o RolloverOptions, board *board) []rehearsed {
	results := make([]rehearsed, len(plays))
	most := o.SideBySide
	if most <= 0 {
		// A play waits most of its time: its programs need a tenth of a processor.
		most = 4 * runtime.NumCPU()
	}
	slots := make(chan struct{}, most)
	var work sync.WaitGroup
	for i, play := range plays {
		work.Go(func() {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
				results[i] = rehearsed{Play: play.Name, Title: play.Title, Failed: ctx.Err().Error()}
				return
			}
			job := rehearsal.Job{Play: play, Resolvers: o.Resolvers, Clock: o.Clock, Program: Program(), Every: o.Every}
			r, file, err := host.Perform(ctx, job)
			results[i] = rehearsed{Play: play.Name, Title: play.Title, Evidence: file}
			if err != nil {
				results[i].Failed = performing(err).Error()
			} else if matrix, err := judge.Judge(r); err != nil {
				results[i].Failed = err.Error()
			} else {
				results[i].Matrix = &matrix
			}
			board.ended(results[i])
		})
	}
	work.Wait()
	return results
}

// performing says what to do where a play could not be performed.
func performing(err error) error {
	switch {
	case errors.Is(err, rehearsal.ErrNamespace):
		return advise(err, "Rehearsals run in a user namespace, which this system forbids: see /proc/sys/user/max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns; in a container, allow unshare (seccomp).")
	case strings.Contains(err.Error(), "no resolver could play"):
		return advise(err, "On Debian: apt install unbound bind9 knot-resolver pdns-recursor dnsmasq-base. The programs must only be there; services of theirs are not used.")
	}
	return err
}

// exitForRehearsals: a departure from the RFC is a warning.
func exitForRehearsals(results []rehearsed) Exit {
	exit := Healthy
	for _, r := range results {
		if r.Matrix == nil {
			return Unworked
		}
		for _, end := range r.Matrix.Ends {
			if end.Agreement == holdfast.Deviates {
				exit = Warned
			}
		}
	}
	return exit
}

// RolloverPerform is the other side of RolloverRun, inside the namespace.
func RolloverPerform(ctx context.Context, w World) (Exit, error) {
	if err := rehearsal.Attend(ctx, w.Stdin, w.Stdout); err != nil {
		return Unworked, err
	}
	return Healthy, nil
}

// playsOf finds plays by name or file; "all" are those that come with the program.
func playsOf(names []string) ([]holdfast.Play, error) {
	var out []holdfast.Play
	for _, name := range names {
		if name == "all" {
			all, err := rehearsal.Plays()
			if err != nil {
				return nil, fmt.Errorf("rollover: %w", err)
			}
			out = append(out, all...)
			continue
		}
		play, err := playOf(name)
		if err != nil {
			return nil, err
		}
		out = append(out, play)
	}
	seen := map[string]bool{}
	for _, play := range out {
		if seen[play.Name] {
			return nil, fmt.Errorf("rollover: the play %s was named twice", play.Name)
		}
		seen[play.Name] = true
	}
	return out, nil
}

// playOf is one that comes with the program, or that of a file.
func playOf(name string) (holdfast.Play, error) {
	if slices.Contains(rehearsal.PlayNames(), name) {
		return rehearsal.Embedded(name)
	}
	file, err := os.Open(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return holdfast.Play{}, advise(fmt.Errorf("rollover: there is no play %q, nor such a file", name), "`holdfast rollover list` names the plays that come with the program.")
	}
	if err != nil {
		return holdfast.Play{}, fmt.Errorf("rollover: %w", err)
	}
	defer file.Close()
	play, err := rehearsal.Parse(file, name)
	if err != nil {
		return play, advise(fmt.Errorf("rollover: %w", err), "docs/formats/play.md describes the format; `holdfast rollover show plain` prints an example.")
	}
	return play, nil
}
