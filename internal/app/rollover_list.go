package app

import (
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
