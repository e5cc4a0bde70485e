// Package app is the only wiring of the house: it turns configuration into
// rooms that know one another, and each command into a few calls of them. The
// command line (cmd/holdfast) holds flags and nothing else.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Version of the program; a release build sets it with -ldflags -X.
var Version = "0.1.0-dev"

// Program is how Holdfast names itself in sweeps, mails and to servers.
func Program() string { return "holdfast/" + Version }

// Exit is what the process tells the shell.
type Exit int

const (
	Healthy  Exit = 0 // nothing of warning or above
	Warned   Exit = 1
	Erred    Exit = 2
	Broken   Exit = 3 // critical, or bogus
	Unworked Exit = 4 // we could not work; nothing is said about the zone
)

// ExitFor is the exit that a verdict calls for.
func ExitFor(v holdfast.Verdict) Exit {
	worst := v.Worst()
	switch {
	case v.Status == holdfast.Bogus || worst == holdfast.SeverityCritical:
		return Broken
	case worst == holdfast.SeverityError:
		return Erred
	case worst == holdfast.SeverityWarning:
		return Warned
	}
	return Healthy
}

// World is what a command finds around it: the streams, the time, the network
// and where trust and the walk begin. Tests hand in a lab's.
type World struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal says that Stdout is one, Watched that Stderr is: colour and
	// progress are for people.
	Terminal, Watched bool
	Clock             holdfast.Clock
	Dialer            ask.Dialer
	Hints             []holdfast.Server
	Anchors           []wire.Record
	Vantage           string
	// Kept says what the kernel knows of Clock; nil: nothing.
	Kept func() (Kept, bool)
}

// RealWorld is the machine's: its clock, its network, IANA's hints and anchors
// as of the build.
func RealWorld() World {
	vantage, err := os.Hostname()
	if err != nil {
		vantage = "unnamed"
	}
	return World{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Terminal: isTerminal(os.Stdout), Watched: isTerminal(os.Stderr),
		Clock: systemClock{}, Dialer: ask.System{}, Hints: anchor.EmbeddedHints(), Anchors: anchor.Embedded(),
		Vantage: vantage, Kept: kernelClock,
	}
}

// isTerminal takes every character device for one but the null device, which
// is what cron and test programs give.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now().UTC() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Advice is an error that says what to do about it.
type Advice struct {
	Err    error
	Remedy string
}

func (a Advice) Error() string { return a.Err.Error() + "\n  " + a.Remedy }
func (a Advice) Unwrap() error { return a.Err }

func advise(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return Advice{err, fmt.Sprintf(format, args...)}
}

// interrupted says whether the caller asked us to stop: no failure of ours.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}
