package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// matrixHead begins the document.
const matrixHead = `# Resolvers and rollovers of the root's keys

Written by ` + "`go test ./internal/app -run TestMatrixDocument -update`" + ` from the evidence in testdata/rehearsal, which ` + "`holdfast rollover run all`" + ` made.

Real resolvers, as Debian has them, followed a root of our own whose keys were rolled, in namespaces without a way to the Internet. Each was asked every second.
What was **due** comes from the text of the RFCs and from what the root showed: never from what a resolver did. Validators that follow RFC 5011 may look at the
keys at any instant of the interval of its section 2.3, and may answer from caches: whatever one of them may show counts as due. One that does not follow it is
held to the plain chain of trust (RFC 4035), so that it fails after a rollover is as due.

- **agrees**: what was seen is what a validator may show.
- **deviates**: it is not, by the clause that is named below. That speaks of these versions as they were set up here, with timers of seconds; it is no judgement of the software, and newer versions may differ.
- **deviates** (TTL): in nothing but that it uses keys for longer than their TTL (RFC 4035 section 5.3.3). That shows here, where TTLs are of seconds; with the root's own of two days it makes no difference.
- **open**: no clause settles what is due.

The word beneath is how a signed name fared at the end: secure (AD), insecure (answered without AD) or bogus (SERVFAIL).
`

// matrixWhys are what is documented of departures that the plays show.
const matrixWhys = `
## What is documented of some of it

- BIND logs "Initializing automatic trust anchor management for zone '.'; DNSKEY ID ... is now trusted, waiving the normal 30-day waiting period" for every key of the first RRset that it validates without a state of its own. RFC 5011 section 2.2 knows no such exception.
- Knot Resolver forgets a key that was missing for four hold-downs, 120 days as it comes (ta_update.lua). RFC 5011 section 2.2 has an accepted key stay until it is revoked.
- dnsmasq keeps DNSKEY and DS records for at least 60 seconds (` + "`DNSSEC_MIN_TTL`" + ` in its config.h). Where TTLs are longer, as the root's two days are, that makes no difference.
- Unbound's section 5 behaviour (a trust point whose every key is revoked is deleted, and names are answered without validation) is what RFC 5011 asks for. Whoever would rather fail closed must notice that their anchors are stale before the old key is revoked: ` + "`holdfast anchors audit`" + `.
`

// MatrixDocument writes docs/matrix.md: plays and resolvers in a table, versions,
// and for each play what is not simply as due.
func MatrixDocument(out io.Writer, judged []holdfast.Matrix) error {
	var b strings.Builder
	b.WriteString(matrixHead)
	columns := actorsOf(judged)
	b.WriteString("\n| play | " + strings.Join(columns, " | ") + " |\n|---" + strings.Repeat("|---", len(columns)) + "|\n")
	for _, m := range judged {
		fmt.Fprintf(&b, "| [%s](#%s) |", anchorOf(m), anchorOf(m))
		for _, name := range columns {
			f := newMatrixField(m, name)
			word := f.Word
			if f.Class == string(holdfast.Deviates) {
				word = strings.Replace(word, "deviates", "**deviates**", 1)
			}
			if f.End != "" {
				word += "<br>" + f.End
			}
			b.WriteString(" " + word + " |")
		}
		b.WriteByte('\n')
	}
	writeVersions(&b, judged)
	b.WriteString(matrixWhys)
	for _, m := range judged {
		writeMatrixPlay(&b, m)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writeVersions lists the resolvers as they said of themselves.
func writeVersions(b *strings.Builder, judged []holdfast.Matrix) {
	b.WriteString("\n## Who played\n\n| resolver | software | version | Debian's package | follows RFC 5011 |\n|---|---|---|---|---|\n")
	var seen []string
	for _, m := range judged {
		for _, a := range m.Actors {
			row := fmt.Sprintf("| %s | %s | %s | %s | %s |", a.Name, a.Software, a.Version, a.Package, yesNo(a.Follows))
			if a.Skipped == "" && !slices.Contains(seen, row) {
				seen = append(seen, row)
				b.WriteString(row + "\n")
			}
		}
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// writeMatrixPlay writes one play: what it is, and what is not simply as due.
func writeMatrixPlay(b *strings.Builder, m holdfast.Matrix) {
	fmt.Fprintf(b, "\n## %s\n\n**%s.** %s (%s)\n\n", anchorOf(m), strings.TrimSuffix(m.Play.Title, "."), m.Play.About, m.Play.Clause)
	fmt.Fprintf(b, "Rehearsed %s, clock %s.", m.Started.UTC().Format("2006-01-02"), m.Clock)
	if m.Cut > 0 {
		fmt.Fprintf(b, " It was cut short after %s.", playTime(m.Cut))
	}
	for _, a := range m.Actors {
		if a.Skipped != "" {
			fmt.Fprintf(b, " %s did not play: %s.", a.Name, firstLine(a.Skipped))
		}
	}
	b.WriteString("\n\n| step | from | published | sign | revoked | done to the resolvers |\n|---|---|---|---|---|---|\n")
	for _, s := range matrixSteps(m) {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", s.Name, s.At, s.Publish, s.Sign, s.Revoke, s.Acts)
	}
	b.WriteByte('\n')
	quiet := true
	for _, of := range []holdfast.Agreement{holdfast.Deviates, holdfast.Open} {
		for _, g := range m.Groups(of) {
			quiet = false
			f := newMatrixFinding(m, g)
			clause := ""
			if f.Clause != "" {
				clause = ", " + f.Clause
			}
			fmt.Fprintf(b, "- %s **%s**%s. %s: %s\n", f.Actor, f.Class, clause, f.Where, f.Text)
		}
	}
	if quiet {
		b.WriteString("All agree.\n")
	}
	writeBootstraps(b, m)
	if strings.Contains(m.Play.Name, "flood") {
		writeRates(b, m)
	}
}

// writeBootstraps lists what came of fetching the file of trust anchors.
func writeBootstraps(b *strings.Builder, m holdfast.Matrix) {
	head := false
	for _, a := range m.Acts {
		if a.Act.Do != holdfast.ActBootstrap || a.Actor == "" {
			continue
		}
		if !head {
			b.WriteString("\n| resolver | file fetched | exit code | said |\n|---|---|---|---|\n")
			head = true
		}
		fmt.Fprintf(b, "| %s | %s | %d | %s |\n", a.Actor, a.Act.With, a.Exit, strings.ReplaceAll(firstLine(a.Said), "|", "\\|"))
	}
}

// writeRates lists how often the root was asked for its keys.
func writeRates(b *strings.Builder, m holdfast.Matrix) {
	b.WriteString("\nQuestions for the root's DNSKEY, a second (the timers are compressed: the shape counts, not the number):\n\n| resolver |")
	for _, s := range m.Play.Steps {
		b.WriteString(" " + s.Name + " |")
	}
	b.WriteString("\n|---" + strings.Repeat("|---", len(m.Play.Steps)) + "|\n")
	for _, q := range queryRates(m) {
		fmt.Fprintf(b, "| %s | %s |\n", q.Actor, strings.Join(q.Rates, " | "))
	}
}
