package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// judged is a small matrix: one resolver agrees, one deviates, one did not play.
func judged() holdfast.Matrix {
	const second = time.Second
	state := func(actor string, values ...string) holdfast.MatrixLine {
		l := holdfast.MatrixLine{Actor: actor, Quantity: holdfast.QuantityState, Key: "new", Source: "root.key"}
		for i, v := range values {
			at := time.Duration(i) * 10 * second
			l.Due = append(l.Due, holdfast.Due{From: at, Until: at + 10*second, Main: v, Values: []string{v}})
			l.Shown = append(l.Shown, holdfast.Shown{From: at + second, Until: at + 9*second, Times: 2, Value: v, Evidence: "states 1"})
		}
		return l
	}
	return holdfast.Matrix{
		Play: holdfast.Play{Name: "n1", Title: "Too <early>", About: "What & why.", Clause: "RFC 5011 section 2.2", Length: 30 * second, Steps: []holdfast.PlayStep{
			{Name: "S0", Text: "The old key.", Publish: []string{"old"}, Sign: []string{"old"}}, {At: 10 * second, Name: "S1", Acts: []holdfast.PlayAct{{Do: holdfast.ActClock, With: "+1d"}}}}},
		Clock: "accelerated", Actors: []holdfast.Actor{{Name: "unbound", Software: "Unbound", Version: "1.17.1", Follows: true}, {Name: "bind", Software: "BIND", Version: "9.18"}, {Name: "knot", Skipped: "kresd is not installed"}},
		Lines: []holdfast.MatrixLine{state("unbound", "start", "add-pend", "valid"), state("bind", "start", "add-pend")},
		Cells: []holdfast.MatrixCell{
			{Step: "S0", Actor: "unbound", Quantity: "signed", Expected: []string{"AD"}, Observed: []string{"AD"}, Agreement: holdfast.Agrees},
			{Step: "S1", Actor: "bind", Quantity: "signed", Expected: []string{"SERVFAIL"}, Observed: []string{"AD"}, Agreement: holdfast.Deviates, Clause: "RFC 5011 section 2.2", Why: "SERVFAIL was due, and AD was seen", Meaning: "it <trusts> too early", Evidence: []string{"samples 7"}},
			{Step: "S1", Actor: "bind", Quantity: "is-ta", Key: "new", Agreement: holdfast.Deviates, Clause: "RFC 5011 section 2.2", Why: "the same"},
			{Step: "S1", Actor: "unbound", Quantity: "signed", Observed: []string{"AD", "no answer"}, Agreement: holdfast.Open, Why: "its file was damaged"},
		},
		Ends: []holdfast.MatrixEnd{
			{Actor: "unbound", Agreement: holdfast.Open, Due: holdfast.Secure, Seen: holdfast.Secure, Classes: []holdfast.MatrixClass{{Key: "new", Class: "Vnew"}}},
			{Actor: "bind", Agreement: holdfast.Deviates, Due: holdfast.Bogus, Seen: holdfast.Secure}},
		Queries: []holdfast.QueryCount{{Actor: "bind", Step: "S0", Keys: 5, All: 9, Seconds: 10}},
		Acts:    []holdfast.Acted{{After: second, Actor: "unbound", Act: holdfast.PlayAct{Do: holdfast.ActBootstrap, With: "rfc7958"}, Exit: 1, Said: "fine\nor not"}},
	}
}

// TestMatrixPage holds that the page says what the matrix does, is well-formed,
// and takes nothing in it for markup.
func TestMatrixPage(t *testing.T) {
	var out bytes.Buffer
	if err := MatrixPage(&out, []holdfast.Matrix{judged()}); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{
		"Too &lt;early&gt;", "What &amp; why.", "it &lt;trusts&gt; too early", "secure (bogus was due)", "did not play", "kresd is not installed",
		"S1: signed, is-ta new", "evidence: samples 7", "Signed names: S1 AD → no answer", "clock &#43;1d", "0.50", "new Vnew",
		"state new: start from 1 s, then add-pend from 11 s, then valid from 21 s", "seen from 1 s to 11 s: start (states 1)", "due from 10 s to 20 s: add-pend",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	body := text[strings.Index(text, "<main>") : strings.Index(text, "</main>")+len("</main>")]
	for d := xml.NewDecoder(strings.NewReader(strings.ReplaceAll(body, "<br>", "<br/>"))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
	}
}

// TestMatrixDocument holds what the generated document says of a matrix.
func TestMatrixDocument(t *testing.T) {
	var out bytes.Buffer
	if err := MatrixDocument(&out, []holdfast.Matrix{judged()}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| [n1](#n1) | open<br>secure | **deviates**<br>secure (bogus was due) | did not play |",
		"| unbound | Unbound | 1.17.1 |  | yes |", "knot did not play: kresd is not installed.",
		"- bind 9.18 **deviates**, RFC 5011 section 2.2. S1: signed, is-ta new: SERVFAIL was due, and AD was seen: it <trusts> too early",
		"| unbound | rfc7958 | 1 | fine … |", "| S1 | 10 s |  |  |  | clock +1d |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the document lacks %q:\n%s", want, out.String())
		}
	}
}

// TestOnlyTTL: what shows by short TTLs alone is called so.
func TestOnlyTTL(t *testing.T) {
	m := judged()
	for i := range m.Cells {
		if m.Cells[i].Agreement == holdfast.Deviates {
			m.Cells[i].Clause = "RFC 4035 section 5.3.3"
		}
	}
	if got := newMatrixField(m, "bind").Word; got != "deviates (TTL)" {
		t.Errorf("got %q", got)
	}
	if got := newMatrixField(judged(), "bind").Word; got != "deviates" {
		t.Errorf("got %q", got)
	}
}
