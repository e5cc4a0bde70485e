package app

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/rehearsal"
)

// board tells people how plays get on: a line of progress on a terminal, news as
// they come, a table at the end of each.
type board struct {
	world World
	quiet bool // with --json only progress is told
	bar   *progress
	long  map[string]time.Duration // of each play; fixed

	mutex   sync.Mutex
	playing []string                 // names, in the order in which they began; owned by mutex
	after   map[string]time.Duration // owned by mutex
}

func newBoard(w World, plays []holdfast.Play, quiet bool) *board {
	b := &board{world: w, quiet: quiet, long: map[string]time.Duration{}, after: map[string]time.Duration{}}
	for _, play := range plays {
		b.long[play.Name] = play.Length
	}
	b.bar = startProgress(w, "rehearsing")
	return b
}

func (b *board) stop() { b.bar.stop() }

// tell takes news of a play.
func (b *board) tell(p rehearsal.Progress) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if _, known := b.after[p.Play]; !known {
		b.playing = append(b.playing, p.Play)
	}
	b.after[p.Play] = max(b.after[p.Play], p.After)
	if p.Actor != nil && p.Actor.Skipped != "" && !b.quiet {
		first, _, _ := strings.Cut(p.Actor.Skipped, "\n")
		fmt.Fprintf(b.world.Stderr, "%s: %s does not play: %s\n", p.Play, p.Actor.Name, first)
	}
	b.show()
}

// show writes the line of progress. The caller holds the mutex.
func (b *board) show() {
	var parts []string
	for _, name := range b.playing {
		parts = append(parts, fmt.Sprintf("%s %d/%d s", name, int(b.after[name]/time.Second), int(b.long[name]/time.Second)))
	}
	if more := len(parts) - 3; more > 0 {
		parts = append(parts[:3], fmt.Sprintf("and %d more", more))
	}
	b.bar.set("%s", strings.Join(parts, ", "))
}

// ended prints what came of a play.
func (b *board) ended(r rehearsed) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for i, name := range b.playing {
		if name == r.Play {
			b.playing = append(b.playing[:i], b.playing[i+1:]...)
			break
		}
	}
	b.show()
	if b.quiet {
		return
	}
	if b.world.Watched {
		fmt.Fprint(b.world.Stderr, "\r\x1b[K")
	}
	_ = writeRehearsed(b.world.Stdout, r, paint(b.world.Terminal)) // a lost reader loses the table; the evidence is kept
}

// writeRehearsed prints how signed names fared with each resolver in each step.
func writeRehearsed(out io.Writer, r rehearsed, p paint) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", p.bold(r.Play), r.Title)
	if r.Matrix == nil {
		fmt.Fprintf(&text, "  could not be performed: %s\n", r.Failed)
		if _, err := os.Stat(r.Evidence); err == nil {
			fmt.Fprintf(&text, "  what was seen until then: %s\n", r.Evidence)
		}
		_, err := io.WriteString(out, text.String()+"\n")
		return err
	}
	m := *r.Matrix
	writeSigned(&text, m)
	for _, a := range m.Actors {
		if a.Skipped != "" {
			first, _, _ := strings.Cut(a.Skipped, "\n")
			fmt.Fprintf(&text, "  %s did not play: %s\n", a.Name, first)
		}
	}
	departures := 0
	for _, c := range m.Cells {
		if c.Agreement == holdfast.Deviates {
			departures++
		}
	}
	if departures > 0 {
		fmt.Fprintf(&text, "  %s from what the RFCs have due: holdfast rollover matrix %s\n", count(departures, "departure", "departures"), r.Evidence)
	} else {
		fmt.Fprintf(&text, "  nobody departed from what the RFCs have due; evidence: %s\n", r.Evidence)
	}
	_, err := io.WriteString(out, text.String()+"\n")
	return err
}

// writeSigned prints the table: rows are steps, columns resolvers.
func writeSigned(out io.Writer, m holdfast.Matrix) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := []string{"  STEP", "AT"}
	var actors []holdfast.Actor
	for _, a := range m.Actors {
		if a.Skipped == "" {
			actors = append(actors, a)
			head = append(head, strings.TrimSpace(a.Software+" "+a.Version)+notFollowing(a))
		}
	}
	fmt.Fprintln(table, strings.Join(head, "\t"))
	for _, step := range m.Play.Steps {
		row := []string{"  " + step.Name, stepTime(step.At)}
		for _, a := range actors {
			row = append(row, signedIn(m, step.Name, a.Name))
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush() // into memory
}

// stepTime is an age of a play: in seconds where plays are accelerated.
func stepTime(d time.Duration) string {
	if d < 10*time.Minute {
		return fmt.Sprintf("%d s", int(d/time.Second))
	}
	return span(d)
}

func notFollowing(a holdfast.Actor) string {
	if a.Follows {
		return ""
	}
	return " (static)"
}

// signedIn is what came of the signed name in a step, one thing after the other.
func signedIn(m holdfast.Matrix, step, actor string) string {
	for _, c := range m.Cells {
		if c.Step == step && c.Actor == actor && c.Quantity == holdfast.Quantity(holdfast.ProbeSigned) {
			text := strings.Join(c.Observed, ", then ")
			if c.Agreement == holdfast.Deviates {
				text += " (!)"
			}
			return text
		}
	}
	return "-"
}
