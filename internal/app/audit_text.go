package app

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// writeAudit prints an audit for people: each resolver with the seven answers
// that matter, then what was found in files.
func writeAudit(out io.Writer, a holdfast.Audit, p paint) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s\n", p.bold(a.Path), instant(a.At))
	fmt.Fprintf(&b, "%s\n", p.dim("the root's keys as known on "+dayOf(a.Calendar)+"; plans are not facts: `holdfast anchors root` shows what the root does"))
	for _, s := range a.Assumed {
		fmt.Fprintf(&b, "%s\n", p.dim(fmt.Sprintf("  assumed to have come as planned: %d %s on %s", s.Key, s.Step, dayOf(s.At))))
	}
	if len(a.Resolvers) == 0 {
		b.WriteString("\nno resolver is set up here\n")
	}
	for _, r := range a.Resolvers {
		writeProspect(&b, r, p)
	}
	writeCarriers(&b, a, p)
	if len(a.Findings) > 0 {
		fmt.Fprintf(&b, "\n%s\n", p.bold("files and means to recover"))
		writeAuditFindings(&b, a.Findings, "", p)
	}
	fmt.Fprintf(&b, "\n%s\n", counts(a))
	_, err := io.WriteString(out, b.String())
	return err
}

func counts(a holdfast.Audit) string {
	var said []string
	for s := holdfast.SeverityCritical; s >= holdfast.SeverityInfo; s-- {
		if n := a.Counts[s.String()]; n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, s))
		}
	}
	if said == nil {
		return "nothing to mend"
	}
	return strings.Join(said, ", ") + "; each is explained in docs/audit.md"
}

func writeProspect(b *strings.Builder, r holdfast.Prospect, p paint) {
	version := ""
	if r.Version != "" {
		version = " " + r.Version
	}
	fmt.Fprintf(b, "\n%s%s%s\n", p.bold(r.Name()), version, p.dim("  "+strings.Join(r.Configs, " ")))
	row := func(what, text string) { fmt.Fprintf(b, "  %-15s %s\n", what, text) }
	row("validates", validates(r))
	row("trusts", trusts(r))
	if r.Upkeep != "" {
		row("updated", updated(r))
	}
	row("can write", written(r.Writes))
	if !r.Succeeded.IsZero() {
		row("last succeeded", instant(r.Succeeded))
	}
	row("fails", fails(r, p))
	line := mends(r)
	if line != "" {
		row("mend", line)
	}
	writeAuditFindings(b, r.Findings, line, p)
}

func validates(r holdfast.Prospect) string {
	text := map[holdfast.Validation]string{
		holdfast.ValidationOn: "yes", holdfast.ValidationAsked: "for clients that ask for it", holdfast.ValidationOff: "no", holdfast.ValidationUnknown: "not known",
	}[r.Validates]
	return fmt.Sprintf("%s: %s at %s", text, strings.TrimSpace(r.Reason.Name+" "+r.Reason.Value), r.Reason.Place)
}

func trusts(r holdfast.Prospect) string {
	var said []string
	for _, k := range r.Trusts {
		said = append(said, fmt.Sprintf("%d (%s)", k.Tag, k.State))
	}
	for _, k := range r.Waits {
		said = append(said, fmt.Sprintf("%d (waits until %s)", k.Tag, instantOr(k.Hold)))
	}
	if said == nil {
		return "no key of the root that a file shows"
	}
	return strings.Join(said, ", ")
}

func updated(r holdfast.Prospect) string {
	how := map[holdfast.Upkeep]string{
		holdfast.UpkeepFollow: "by itself (RFC 5011)", holdfast.UpkeepStatic: "by hand only", holdfast.UpkeepPackage: "when a package is renewed", holdfast.UpkeepBuiltIn: "when the program is renewed",
	}[r.Upkeep]
	var where []string
	for _, way := range r.Anchorings {
		said := strings.TrimSpace(way.Statement.Name + " " + way.Statement.Value)
		if len(r.Anchorings) > 1 {
			said = way.Statement.Name // of several the places tell them apart
		}
		where = append(where, said+" at "+way.Statement.Place)
	}
	return how + ": " + strings.Join(where, "; ")
}

func written(w holdfast.Writes) string {
	if w.Can == holdfast.AnswerNeedless {
		return w.Why
	}
	return string(w.Can) + ": " + w.Why
}

func fails(r holdfast.Prospect, p paint) string {
	if len(r.Fates) == 0 {
		return "not said: it does not validate, or what it trusts is not known"
	}
	var said []string
	for i, f := range r.Fates {
		if f.Standing == holdfast.Secure {
			if i > 0 {
				said = append(said, dayOf(f.From)+" validates again")
			}
			continue
		}
		how := p.with("31", "SERVFAIL")
		if f.Standing == holdfast.Insecure {
			how = p.with("1;31", "silently insecure")
		}
		when := dayOf(f.From)
		if i == 0 {
			when = "now"
		}
		said = append(said, when+" "+how)
	}
	if said == nil {
		return p.with("32", "not as far as the calendar goes")
	}
	return strings.Join(said, ", then ")
}

// mends is the remedy of the worst finding that has one.
func mends(r holdfast.Prospect) string {
	for _, f := range r.Findings {
		if f.Mend != "" && f.Severity >= holdfast.SeverityWarning {
			return f.Mend
		}
	}
	return ""
}

// writeAuditFindings prints findings with their places. A remedy that was
// printed above is not printed again: they are long.
func writeAuditFindings(b *strings.Builder, all []holdfast.AuditFinding, above string, p paint) {
	for _, f := range all {
		fmt.Fprintf(b, "  %s %s %s\n", p.severity(f.Severity), p.bold(f.Code), f.Text)
		if len(f.Evidence) > 0 {
			fmt.Fprintf(b, "           %s\n", p.dim("see "+strings.Join(f.Evidence, ", ")))
		}
		if f.Mend != "" && f.Mend != above && f.Severity > holdfast.SeverityInfo {
			fmt.Fprintf(b, "           mend: %s\n", f.Mend)
		}
	}
}

// writeCarriers prints which files carry which of the root's keys.
func writeCarriers(b *strings.Builder, a holdfast.Audit, p paint) {
	if len(a.Carriers) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", p.bold("files that carry root keys"))
	for _, c := range a.Carriers {
		var said []string
		for _, k := range c.Carried {
			said = append(said, fmt.Sprintf("%d %s", k.Tag, k.Form))
		}
		owner := ""
		if c.Package != "" {
			owner = p.dim("  (" + c.Package + ")")
		}
		fmt.Fprintf(b, "  %s: %s%s\n", c.Path, strings.Join(said, ", "), owner)
	}
}

// dayOf writes a day for people, in UTC.
func dayOf(t time.Time) string { return t.UTC().Format("2006-01-02") }
