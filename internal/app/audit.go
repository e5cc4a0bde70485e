package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	measure "github.com/holdfastdns/holdfast/internal/measure/anchor"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/source/machine"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
)

// AuditOptions are the flags of `holdfast anchors audit`, as given.
type AuditOptions struct {
	Target string // a path, or a resolver's address
	At     string
	Format string // text, prometheus or nagios
	// Signed and Bogus are control names for a resolver: one that is signed well,
	// and one whose signatures do not verify.
	Signed, Bogus string

	All  bool   // search people's folders and stores of containers too
	Save string // write the evidence to this file
	From string // judge the evidence of this file
	JSON bool

	// Running asks resolvers that run here, by their own tools.
	Running bool
	Config  string // for the calendar of the root's keys
}

// Audit says what a machine trusts for the root, and when it fails.
func Audit(ctx context.Context, w World, o AuditOptions) (Exit, error) {
	at, err := parseInstant(o.At, w.Clock.Now())
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	calendar, err := calendarOf(o.Config)
	if err != nil {
		return Unworked, err
	}
	seen, err := w.machine(ctx, o, calendar)
	if err != nil {
		return Unworked, err
	}
	if seen.Live && o.From == "" {
		w.clockOf(&seen)
		if o.Running {
			askRunning(ctx, &seen)
		}
	}
	if o.Save != "" {
		if err := writeFile(o.Save, seen); err != nil {
			return Unworked, fmt.Errorf("save evidence: %w", err)
		}
	}
	audit := anchor.Examine(seen, calendar, at)
	return w.tellAudit(audit, o)
}

func (w *World) tellAudit(audit holdfast.Audit, o AuditOptions) (Exit, error) {
	var err error
	switch {
	case o.JSON:
		err = writeJSON(w.Stdout, audit)
	case o.Format == "prometheus":
		err = reports.AuditMetrics(w.Stdout, audit)
	case o.Format == "nagios":
		var status int
		status, err = reports.AuditStatus(w.Stdout, audit)
		if err == nil {
			return Exit(status), nil
		}
	case o.Format == "" || o.Format == "text":
		err = writeAudit(w.Stdout, audit, paint(w.Terminal))
	default:
		return Unworked, fmt.Errorf("--format %q: want text, prometheus or nagios", o.Format)
	}
	if err != nil {
		return Unworked, fmt.Errorf("audit: %w", err)
	}
	return exitOf(audit.Worst), nil
}

// exitOf is the exit for the worst that was found.
func exitOf(worst holdfast.Severity) Exit {
	switch worst {
	case holdfast.SeverityCritical:
		return Broken
	case holdfast.SeverityError:
		return Erred
	case holdfast.SeverityWarning:
		return Warned
	}
	return Healthy
}

// machine looks at what the options name, or takes what was saved.
func (w *World) machine(ctx context.Context, o AuditOptions, calendar holdfast.Calendar) (holdfast.Machine, error) {
	if o.From != "" {
		return savedMachine(o.From)
	}
	target := o.Target
	if target == "" {
		target = "/"
	}
	info, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		server, err := netip.ParseAddrPort(target)
		if address, plain := netip.ParseAddr(target); plain == nil {
			server, err = netip.AddrPortFrom(address, 53), nil
		}
		if err == nil {
			return w.askedMachine(ctx, server, o, calendar)
		}
		return holdfast.Machine{}, advise(fmt.Errorf("audit %s: there is no such file or folder, and it is no address", target),
			"Name a root folder, an image, a package, a program or a folder of source; or a resolver by its address, as 192.0.2.53 or [2001:db8::53]:53.")
	}
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("audit: %w", err)
	}
	options := machine.Options{Path: target, Now: w.Clock.Now(), Program: Program(), Keys: machine.NewNeedles(calendar), Everything: o.All}
	progress := startProgress(*w, "reading "+target)
	defer progress.stop()
	options.Searched = func(files int, octets int64) { progress.set("%d files, %d MB", files, octets>>20) }
	if info.IsDir() {
		return machine.LookAtFolder(ctx, target, options)
	}
	return machine.LookAtFile(ctx, target, options)
}

// clockOf notes that no time service keeps the machine's clock, where its
// kernel says so.
func (w *World) clockOf(m *holdfast.Machine) {
	if w.Kept == nil {
		return
	}
	if kept, known := w.Kept(); known && !kept.Synchronised {
		m.Clock = append(m.Clock, holdfast.Setting{Name: "the kernel's clock", Value: "is not synchronised", Place: "adjtimex"})
	}
}

// maxMachine bounds saved evidence of a machine, in octets.
const maxMachine = 64 << 20

func savedMachine(name string) (holdfast.Machine, error) {
	var m holdfast.Machine
	file, err := os.Open(name)
	if err != nil {
		return m, fmt.Errorf("read evidence: %w", err)
	}
	defer file.Close()
	if err := json.NewDecoder(io.LimitReader(file, maxMachine)).Decode(&m); err != nil {
		return m, fmt.Errorf("read evidence %s: %w", name, err)
	}
	if m.Format != machine.Format {
		return m, fmt.Errorf("read evidence %s: its format is %q; want %s", name, m.Format, machine.Format)
	}
	return m, nil
}

// askedMachine asks a resolver what shows its anchors.
func (w *World) askedMachine(ctx context.Context, server netip.AddrPort, o AuditOptions, calendar holdfast.Calendar) (holdfast.Machine, error) {
	asker, err := ask.New(ask.Config{}, w.Dialer, w.Clock)
	if err != nil {
		return holdfast.Machine{}, err
	}
	defer asker.Close()
	signed, err := holdfast.ParseName(orElse(o.Signed, "iana.org"))
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("--signed: %w", err)
	}
	bogus, err := holdfast.ParseName(orElse(o.Bogus, "dnssec-failed.org"))
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("--bogus: %w", err)
	}
	names := measure.Names{Signed: signed, Bogus: bogus, Sentinel: holdfast.Root}
	for _, k := range calendar.Keys {
		if k.DS != nil {
			names.Keys = append(names.Keys, measure.Key{Name: strconv.Itoa(int(k.Tag)), Tag: k.Tag})
		}
	}
	resolver := measure.Resolver{Server: holdfast.Server{Name: "resolver.", Address: server.Addr()}, Port: server.Port()}
	m := holdfast.Machine{
		Format: machine.Format, Path: o.Target, Kind: holdfast.MachineResolver, Looked: w.Clock.Now(), Program: Program(),
		Resolvers: []holdfast.Installation{}, Carriers: []holdfast.Carrier{},
	}
	m.Samples = append(measure.Look(ctx, asker, resolver, names), measure.Selves(ctx, asker, resolver)...)
	if !slices.ContainsFunc(m.Samples, func(s holdfast.Sample) bool { return s.Exchange.Outcome == holdfast.Answered }) {
		return m, advise(fmt.Errorf("audit %s: it did not answer", o.Target), "See that the address is right, and that it answers questions from this machine.")
	}
	return m, ctx.Err()
}

func writeFile(name string, value any) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(writeJSON(io.Writer(file), value), file.Close())
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
