package app

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/rehearsal"
)

// RolloverList names the plays that come with the program.
func RolloverList(w World, json bool) error {
	plays, err := rehearsal.Plays()
	if err != nil {
		return fmt.Errorf("rollover: %w", err)
	}
	if json {
		return writeJSON(w.Stdout, struct {
			Format string          `json:"format"`
			Plays  []holdfast.Play `json:"plays"`
		}{"holdfast-plays/1", plays})
	}
	table := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PLAY\tSTEPS\tTAKES\tWHAT HAPPENS")
	for _, play := range plays {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", play.Name, len(play.Steps), stepTime(play.Length), play.Title)
	}
	return table.Flush()
}

// RolloverShow prints a play in its text format.
func RolloverShow(w World, name string, json bool) error {
	play, err := playOf(name)
	if err != nil {
		return err
	}
	if json {
		return writeJSON(w.Stdout, play)
	}
	_, err = io.WriteString(w.Stdout, rehearsal.Print(play))
	return err
}

// unfragmented is what passes everywhere over UDP, in octets: what the DNS flag
// day of 2020 asked for.
const unfragmented = 1232

// RolloverSizes prints how large the answer with the root's keys is in each step
// of a play, with all that it carries.
func RolloverSizes(ctx context.Context, w World, name string, json bool) error {
	play, err := playOf(name)
	if err != nil {
		return err
	}
	set, err := rehearsal.Prepare(play)
	if err != nil {
		return fmt.Errorf("rollover: %w", err)
	}
	sizes, err := set.KeySizes(ctx)
	if err != nil {
		return fmt.Errorf("rollover: %w", err)
	}
	if json {
		return writeJSON(w.Stdout, struct {
			Format string `json:"format"`
			Play   string `json:"play"`
			Octets []int  `json:"octets"` // by step
		}{"holdfast-play-sizes/1", play.Name, sizes})
	}
	table := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tOCTETS\tOVER UDP\tWHAT THE ROOT SHOWS")
	for n, step := range play.Steps {
		over := "fits"
		if sizes[n] > unfragmented {
			over = fmt.Sprintf("over %d", unfragmented)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", step.Name, sizes[n], over, step.Text)
	}
	return table.Flush()
}
