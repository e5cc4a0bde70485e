package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// AuditMetrics writes an audit as Prometheus's text format has it, for the
// textfile collector of its node exporter. Times are seconds since 1970.
func AuditMetrics(out io.Writer, a holdfast.Audit) error {
	var b strings.Builder
	metric := func(name, help string, lines func(line func(labels string, value float64))) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
		lines(func(labels string, value float64) {
			fmt.Fprintf(&b, "%s%s %s\n", name, labels, number(value))
		})
	}
	metric("holdfast_anchors_audit_timestamp_seconds", "The instant that the audit is about.", func(line func(string, float64)) {
		line("", float64(a.At.Unix()))
	})
	metric("holdfast_anchors_findings", "Findings of the audit, by severity.", func(line func(string, float64)) {
		for s := holdfast.SeverityInfo; s <= holdfast.SeverityCritical; s++ {
			line(labels("severity", s.String()), float64(a.Counts[s.String()]))
		}
	})
	metric("holdfast_anchors_validates", "1 where a resolver validates at the instant, 0 where it does not.", func(line func(string, float64)) {
		for _, p := range a.Resolvers {
			line(resolver(p), truth(len(p.Fates) > 0 && p.Fates[0].Standing == holdfast.Secure))
		}
	})
	metric("holdfast_anchors_trusted", "1 for each key of the root that a resolver trusts.", func(line func(string, float64)) {
		for _, p := range a.Resolvers {
			for tag := range tagsOf(p.Trusts) {
				line(labels("resolver", p.Name(), "tag", fmt.Sprint(tag)), 1)
			}
		}
	})
	metric("holdfast_anchors_writable", "1 where a resolver can write its state, 0 where it cannot; nothing where it has none or that is not known.", func(line func(string, float64)) {
		for _, p := range a.Resolvers {
			if p.Writes.Can == holdfast.AnswerYes || p.Writes.Can == holdfast.AnswerNo {
				line(resolver(p), truth(p.Writes.Can == holdfast.AnswerYes))
			}
		}
	})
	metric("holdfast_anchors_last_success_timestamp_seconds", "When a resolver last validated the root's keys, as its state says.", func(line func(string, float64)) {
		for _, p := range a.Resolvers {
			if !p.Succeeded.IsZero() {
				line(resolver(p), float64(p.Succeeded.Unix()))
			}
		}
	})
	metric("holdfast_anchors_fails_timestamp_seconds", "When a resolver stops to validate by the calendar; how is bogus (SERVFAIL) or insecure (answers without validating).", func(line func(string, float64)) {
		for _, p := range a.Resolvers {
			said := map[holdfast.Status]bool{holdfast.Secure: true}
			for _, f := range p.Fates {
				if !said[f.Standing] { // of two times the first; a label stands once
					said[f.Standing] = true
					line(labels("resolver", p.Name(), "how", string(f.Standing)), float64(f.From.Unix()))
				}
			}
		}
	})
	_, err := io.WriteString(out, b.String())
	return err
}

func resolver(p holdfast.Prospect) string { return labels("resolver", p.Name()) }

// labels writes pairs of name and value, escaped as the format wants it.
func labels(pairs ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, pairs[i]+`="`+escape.Replace(strings.ToValidUTF8(pairs[i+1], "?"))+`"`)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func number(v float64) string { return fmt.Sprintf("%.0f", v) }

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// tagsOf hands out the tags of some keys in order, each once.
func tagsOf(keys []holdfast.TrustedKey) func(func(uint16) bool) {
	tags := map[uint16]bool{}
	for _, k := range keys {
		tags[k.Tag] = true
	}
	return func(yield func(uint16) bool) {
		for _, tag := range slices.Sorted(maps.Keys(tags)) {
			if !yield(tag) {
				return
			}
		}
	}
}

// What a plugin of Nagios answers (Nagios Plugins development guidelines).
const (
	nagiosOK       = 0
	nagiosWarning  = 1
	nagiosCritical = 2
	nagiosUnknown  = 3
)

// AuditStatus writes an audit as a plugin of Nagios does: one line, then what
// is measured behind a bar; and the code that the plugin ends with.
func AuditStatus(out io.Writer, a holdfast.Audit) (int, error) {
	status, word := nagiosOK, "OK"
	switch {
	case a.Worst >= holdfast.SeverityError:
		status, word = nagiosCritical, "CRITICAL"
	case a.Worst == holdfast.SeverityWarning:
		status, word = nagiosWarning, "WARNING"
	case len(a.Resolvers) == 0 && len(a.Carriers) == 0:
		status, word = nagiosUnknown, "UNKNOWN"
	}
	text := fmt.Sprintf("%d resolvers, nothing to mend", len(a.Resolvers))
	if status == nagiosUnknown {
		text = "no resolver and no root key was found"
	}
	if worst, ok := worstOf(a); ok && status != nagiosOK {
		text = worst.Code + " " + worst.Text
		if worst.Resolver != "" {
			text = worst.Resolver + ": " + text
		}
	}
	var perf []string
	bare := strings.NewReplacer("'", "", "=", "", "|", "/", "\n", " ") // what a label may not have
	for _, p := range a.Resolvers {
		if f, fails := p.Fails(); fails {
			perf = append(perf, fmt.Sprintf("'%s fails in'=%.0fs", bare.Replace(p.Name()), max(0, f.From.Sub(a.At).Seconds())))
		}
	}
	for s := holdfast.SeverityWarning; s <= holdfast.SeverityCritical; s++ {
		perf = append(perf, fmt.Sprintf("%s=%d", s, a.Counts[s.String()]))
	}
	line := strings.NewReplacer("|", "/", "\n", " ").Replace("ANCHORS " + word + ": " + text)
	_, err := fmt.Fprintf(out, "%s | %s\n", line, strings.Join(perf, " "))
	return status, err
}

// worstOf is the first of the worst findings.
func worstOf(a holdfast.Audit) (worst holdfast.AuditFinding, ok bool) {
	all := slices.Clone(a.Findings)
	for _, p := range slices.Backward(a.Resolvers) {
		all = slices.Concat(p.Findings, all)
	}
	for _, f := range all {
		if f.Severity == a.Worst {
			return f, true
		}
	}
	return worst, false
}
