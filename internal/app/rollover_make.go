package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/rehearsal"
	"github.com/holdfastdns/holdfast/internal/source/ceremony"
)

// RolloverMakeOptions say what a play is made of.
type RolloverMakeOptions struct {
	Files   []string      // signed key responses, or one configuration of the KSK operator's tools
	Schemas []string      // quarters of that configuration, one after the other; none: Files are responses
	Day     time.Duration // how long a day of theirs lasts
	Lead    int           // days of theirs by which the first step is longer
	Name    string        // of the play; "": it makes one up
	JSON    bool
}

// RolloverMake prints the play that the KSK operator's own files describe.
func RolloverMake(w World, o RolloverMakeOptions) error {
	if o.Day < time.Second/10 || o.Day > 24*time.Hour {
		return fmt.Errorf("rollover make: a day of %s: want 100ms to 24h", o.Day)
	}
	if o.Lead < 0 || o.Lead > 3650 {
		return fmt.Errorf("rollover make: a lead of %d days: want 0 to 3650", o.Lead)
	}
	play, err := madePlay(o)
	if err != nil {
		return fmt.Errorf("rollover make: %w", err)
	}
	if o.Name != "" {
		play.Name = o.Name
		if err := rehearsal.Check(play); err != nil {
			return fmt.Errorf("rollover make: %w", err)
		}
	}
	if o.JSON {
		return writeJSON(w.Stdout, play)
	}
	_, err = io.WriteString(w.Stdout, rehearsal.Print(play))
	return err
}

func madePlay(o RolloverMakeOptions) (holdfast.Play, error) {
	pace := rehearsal.Pace{Day: o.Day, Lead: time.Duration(o.Lead) * 24 * time.Hour}
	if len(o.Schemas) > 0 {
		if len(o.Files) != 1 {
			return holdfast.Play{}, fmt.Errorf("schemas are of one configuration, and there are %d files", len(o.Files))
		}
		plan, err := readWith(o.Files[0], ceremony.ReadPlan)
		if err != nil {
			return holdfast.Play{}, err
		}
		play, err := rehearsal.FromSchemas(plan, o.Schemas, pace)
		if err != nil {
			var names []string
			for _, s := range plan.Schemas {
				names = append(names, s.Name)
			}
			return play, advise(err, "Its schemas are %s.", strings.Join(names, ", "))
		}
		return play, nil
	}
	var responses []holdfast.KeySigning
	for _, name := range o.Files {
		signed, err := readWith(name, ceremony.Read)
		if err != nil {
			return holdfast.Play{}, advise(err, "For a configuration of the KSK operator's tools name its schemas: --schema pre-publish,rollover,revoke.")
		}
		responses = append(responses, signed)
	}
	return rehearsal.FromResponses(responses, pace)
}

// readWith reads a file by its reader, which names the file in its errors.
func readWith[T any](name string, read func(io.Reader, string) (T, error)) (T, error) {
	var none T
	file, err := os.Open(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return none, fmt.Errorf("there is no file %s", name)
	}
	if err != nil {
		return none, err
	}
	defer file.Close()
	return read(file, name)
}
