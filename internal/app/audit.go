package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/source/machine"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
)

// AuditOptions are the flags of `holdfast anchors audit`, as given.
type AuditOptions struct {
	Target string // a path, or a resolver's address
	At     string
	Format string // text, prometheus or nagios
	Save   string // write the evidence to this file
	From   string // judge the evidence of this file
	JSON   bool
}

// Audit says what a machine trusts for the root, and when it fails.
func Audit(ctx context.Context, w World, o AuditOptions) (Exit, error) {
	at, err := parseInstant(o.At, w.Clock.Now())
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	seen, err := w.machine(ctx, o)
	if err != nil {
		return Unworked, err
	}
	if o.Save != "" {
		if err := writeFile(o.Save, seen); err != nil {
			return Unworked, fmt.Errorf("save evidence: %w", err)
		}
	}
	audit := anchor.Examine(seen, rootkey.Calendar(), at)
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

// machine looks at what the options name.
func (w *World) machine(ctx context.Context, o AuditOptions) (holdfast.Machine, error) {
	target := o.Target
	if target == "" {
		target = "/"
	}
	info, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return holdfast.Machine{}, advise(fmt.Errorf("audit %s: there is no such file or folder", target),
			"Name a root folder, an image, a package, a program or a folder of source; or a resolver by its address.")
	}
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("audit: %w", err)
	}
	options := machine.Options{Path: target, Now: w.Clock.Now(), Program: Program(), Keys: machine.NewNeedles(rootkey.Calendar())}
	progress := startProgress(*w, "reading "+target)
	defer progress.stop()
	if info.IsDir() {
		return machine.LookAtFolder(ctx, target, options)
	}
	return machine.LookAtFile(ctx, target, options)
}

func writeFile(name string, value any) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(writeJSON(io.Writer(file), value), file.Close())
}
