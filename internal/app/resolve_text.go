package app

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
)

// writeResolution prints a resolution so that it can be followed from the root
// to the verdict: a line a step, the answer, the verdict and why.
func writeResolution(out io.Writer, found dnssec.Resolution, m holdfast.Measurement, p paint) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, as a resolver finds it at %s\n\n", p.bold(string(found.Name)), p.bold(found.Type), instant(found.At))
	writeSteps(&b, found.Steps, p)
	writeAnswer(&b, found)
	writeConclusion(&b, found, p)
	writeDifferences(&b, found, p)
	if found.Cut {
		b.WriteString("\nThe walk met a bound (time, questions, zones or aliases) before its end; the bounds are in docs/formats/resolve.md.\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writeSteps is the table of the steps. Its columns are padded here and not by
// a tabwriter, which counts colours as width.
func writeSteps(b *strings.Builder, steps []dnssec.Step, p paint) {
	rows := [][]string{{"", "ZONE", "WHAT CAME", "FROM", "VERDICT"}}
	for i, s := range steps {
		rows = append(rows, []string{fmt.Sprint(i + 1), string(s.Zone), s.Says, askedOf(s), string(s.Status)})
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for i, row := range rows {
		for j, cell := range row[:len(row)-1] {
			text := cell
			if i == 0 {
				text = p.dim(cell)
			}
			b.WriteString(text + strings.Repeat(" ", width[j]-utf8.RuneCountInString(cell)+2))
		}
		if i == 0 {
			b.WriteString(p.dim(row[len(row)-1]) + "\n")
		} else {
			b.WriteString(p.status(steps[i-1].Status) + "\n")
		}
	}
}

// askedOf says whose reply was taken and how many gave theirs.
func askedOf(s dnssec.Step) string {
	if s.Server == (holdfast.Server{}) {
		return "-"
	}
	others := -1
	for _, v := range s.Voices {
		if v.Purpose == holdfast.PurposeName {
			others++
		}
	}
	if others < 1 {
		return s.Server.String()
	}
	return fmt.Sprintf("%s and %d more", s.Server, others)
}

func writeAnswer(b *strings.Builder, found dnssec.Resolution) {
	b.WriteByte('\n')
	for _, record := range found.Answer {
		b.WriteString(record + "\n")
	}
	end := dnssec.KindNothing
	if len(found.Steps) > 0 {
		end = found.Steps[len(found.Steps)-1].Kind
	}
	switch {
	case end == dnssec.KindNoName:
		b.WriteString("No answer: the name does not exist (NXDOMAIN).\n")
	case end == dnssec.KindNoData && found.Rcode == "NOERROR":
		fmt.Fprintf(b, "No answer: the name exists, but has no record of type %s.\n", found.Type)
	case len(found.Answer) == 0:
		b.WriteString("No answer was reached.\n")
	}
	b.WriteByte('\n')
}

// meaning says in a sentence what a status means for those who ask.
var meaning = map[holdfast.Status]string{
	holdfast.Secure:        "signed all the way from the trust anchor, and the signatures hold",
	holdfast.Insecure:      "resolvers take it, unprotected: a link of the chain is unsigned, as its parent proves",
	holdfast.Bogus:         "validating resolvers refuse it and answer SERVFAIL",
	holdfast.Indeterminate: "it could not be found out",
}

func writeConclusion(b *strings.Builder, found dnssec.Resolution, p paint) {
	fmt.Fprintf(b, "%s: %s\n", p.status(found.Status), meaning[found.Status])
	if found.Reason != "" {
		if found.Step > 0 {
			fmt.Fprintf(b, "  step %d: %s\n", found.Step, found.Reason)
		} else {
			fmt.Fprintf(b, "  %s\n", found.Reason)
		}
		clause := found.Reference
		if found.EDE != 0 {
			clause += fmt.Sprintf("; extended DNS error %d (%s)", found.EDE, extendedError(found.EDE))
		}
		fmt.Fprintf(b, "  %s\n", p.dim(clause))
	}
	if !found.FailsAt.IsZero() {
		fmt.Fprintf(b, "  the first signature that it rests on dies %s\n", countdown(found.FailsAt, found.At))
	}
	if found.Status == holdfast.Bogus && found.Step > 0 {
		fmt.Fprintf(b, "  for all that is wrong there: holdfast check %s\n", found.Steps[found.Step-1].Zone)
	}
}

// writeDifferences names the servers that said other than what was taken.
func writeDifferences(b *strings.Builder, found dnssec.Resolution, p paint) {
	if found.Differ == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", p.bold("Servers that differ"))
	for i, s := range found.Steps {
		for _, v := range s.Voices {
			if !v.Differs {
				continue
			}
			what := map[holdfast.Purpose]string{holdfast.PurposeName: string(s.Name), holdfast.PurposeDNSKEY: "keys of " + string(s.Zone), holdfast.PurposeDS: "DS"}[v.Purpose]
			fmt.Fprintf(b, "  step %d  %s, %s: %s", i+1, v.Server, what, v.Says)
			if v.Status == holdfast.Bogus {
				fmt.Fprintf(b, " (%s: %s)", p.status(v.Status), v.Reason)
			}
			b.WriteByte('\n')
		}
	}
}

// extendedError names an info-code of RFC 8914 that validation gives.
func extendedError(code int) string {
	switch code {
	case 1:
		return "Unsupported DNSKEY Algorithm"
	case 2:
		return "Unsupported DS Digest Type"
	case 5:
		return "DNSSEC Indeterminate"
	case 6:
		return "DNSSEC Bogus"
	case 7:
		return "Signature Expired"
	case 8:
		return "Signature Not Yet Valid"
	case 9:
		return "DNSKEY Missing"
	case 10:
		return "RRSIGs Missing"
	case 11:
		return "No Zone Key Bit Set"
	case 12:
		return "NSEC Missing"
	case 22:
		return "No Reachable Authority"
	case 23:
		return "Network Error"
	case 27:
		return "Unsupported NSEC3 Iterations Value"
	}
	return "RFC 8914"
}
