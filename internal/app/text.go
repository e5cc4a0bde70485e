package app

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
)

// paint colours words on a terminal and leaves them alone elsewhere.
type paint bool

func (p paint) with(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p paint) bold(text string) string { return p.with("1", text) }
func (p paint) dim(text string) string  { return p.with("2", text) }

func (p paint) severity(s holdfast.Severity) string {
	word := fmt.Sprintf("%-8s", s)
	switch s {
	case holdfast.SeverityCritical:
		return p.with("1;31", word)
	case holdfast.SeverityError:
		return p.with("31", word)
	case holdfast.SeverityWarning:
		return p.with("33", word)
	case holdfast.SeverityNotice:
		return p.with("36", word)
	}
	return p.with("2", word)
}

func (p paint) status(s holdfast.Status) string {
	switch s {
	case holdfast.Secure:
		return p.with("32", string(s))
	case holdfast.Bogus:
		return p.with("1;31", string(s))
	case holdfast.Unreached:
		return p.with("31", string(s))
	}
	return string(s)
}

// instant writes a moment for people, in UTC.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span writes a length of time for people: the two largest units.
func span(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	days, hours, minutes := int(d/(24*time.Hour)), int(d%(24*time.Hour)/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d s", int(d/time.Second))
}

// countdown writes when something fails, seen from at.
func countdown(when, at time.Time) string {
	if when.IsZero() {
		return "-"
	}
	if when.After(at) {
		return instant(when) + " (in " + span(when.Sub(at)) + ")"
	}
	return instant(when) + " (" + span(at.Sub(when)) + " ago)"
}

// writeVerdict prints a verdict so that it can be read at a glance.
func writeVerdict(out io.Writer, v holdfast.Verdict, p paint) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is %s at %s", p.bold(v.Zone.String()), p.status(v.Status), instant(v.At))
	if v.Reason != "" && v.Status != holdfast.Secure {
		fmt.Fprintf(&b, ": %s", v.Reason)
	}
	b.WriteByte('\n')
	if !v.FailsAt.IsZero() {
		verb := "fails"
		if !v.FailsAt.After(v.At) {
			verb = "failed"
		}
		fmt.Fprintf(&b, "%s %s, when the signatures over %s die%s\n", verb, countdown(v.FailsAt, v.At), v.FailsBy, whereFirst(v))
	}
	b.WriteByte('\n')
	if err := writeServers(&b, v, p); err != nil {
		return err
	}
	writeFindings(&b, v, p)
	_, err := io.WriteString(out, b.String())
	return err
}

// whereFirst says on how many servers a zone fails first, where not on all that
// serve it signed.
func whereFirst(v holdfast.Verdict) string {
	first, signed := 0, 0
	for _, s := range v.Servers {
		if s.FailsAt.IsZero() {
			continue
		}
		signed++
		if s.FailsAt.Equal(v.FailsAt) {
			first++
		}
	}
	if first == 0 || first == signed {
		return ""
	}
	return fmt.Sprintf(" on %d of %s", first, count(len(v.Servers), "server", "servers"))
}

func writeServers(b *strings.Builder, v holdfast.Verdict, p paint) error {
	if len(v.Servers) == 0 {
		b.WriteString("No name server was found.\n")
		return nil
	}
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SERVER\tADDRESS\tSTATUS\tSERIAL\tSIGNATURES DIE")
	for _, s := range v.Servers {
		serial := "-"
		if s.Known {
			serial = fmt.Sprint(s.Serial)
		}
		dies := "-"
		if !s.FailsAt.IsZero() {
			dies = countdown(s.FailsAt, v.At) + ", " + string(s.FailsBy)
		}
		// Colour codes would count as width, so the status is painted below.
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.Address, s.Status, serial, dies)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if p {
		painted := b.String()
		for _, s := range []holdfast.Status{holdfast.Secure, holdfast.Bogus, holdfast.Unreached} {
			painted = strings.ReplaceAll(painted, "  "+string(s)+"  ", "  "+p.status(s)+"  ")
		}
		b.Reset()
		b.WriteString(painted)
	}
	return nil
}

// writeFindings prints them as they come, the worst first. What one check says
// of several servers stands under one head.
func writeFindings(b *strings.Builder, v holdfast.Verdict, p paint) {
	if len(v.Findings) == 0 {
		b.WriteString("\nNo findings.\n")
	} else {
		b.WriteByte('\n')
	}
	alike := func(i, j int) bool {
		if i < 0 || j >= len(v.Findings) {
			return false
		}
		f, g := v.Findings[i], v.Findings[j]
		return f.Code == g.Code && f.Severity == g.Severity && f.Reference == g.Reference
	}
	for i, f := range v.Findings {
		if !alike(i-1, i) {
			fmt.Fprintf(b, "%s  %s %s\n", p.severity(f.Severity), p.bold(f.Code), f.Name)
		}
		where := ""
		if f.Server != (holdfast.Server{}) {
			where = f.Server.String() + ": "
		}
		fmt.Fprintf(b, "          %s%s\n", where, f.Text)
		if !alike(i, i+1) {
			fmt.Fprintf(b, "          %s\n", p.dim(f.Reference+"; "+pageOf(f.Code)))
		}
	}
	writeSuppressed(b, v, p)
}

// writeSuppressed says that checks were not run, and because of which.
func writeSuppressed(b *strings.Builder, v holdfast.Verdict, p paint) {
	if len(v.Suppressed) == 0 {
		return
	}
	causes := slices.Compact(slices.Sorted(maps.Values(v.Suppressed)))
	b.WriteString("\n" + p.dim(fmt.Sprintf("%s not run, made meaningless by %s; --json names them", count(len(v.Suppressed), "check was", "checks were"), strings.Join(causes, ", "))) + "\n")
}

// count is a number with its noun: "1 zone", "2 zones".
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// pageOf is the document that explains a code: those that only a whole zone can
// have share one.
func pageOf(code string) string {
	if strings.HasPrefix(code, "INT-") && code > "INT-03" {
		return "docs/formats/verify.md"
	}
	return "docs/checks/" + code + ".md"
}

// writeJSON prints a value as indented JSON with a final newline.
func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
