package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
)

// keptRehearsals are those that are kept with the project.
func keptRehearsals(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/rehearsal/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rehearsals are kept in testdata/rehearsal (%v): holdfast rollover run all --to testdata/rehearsal", err)
	}
	return files
}

// TestMatrixDocument holds docs/matrix.md to the evidence that is kept and to the
// judge as it is. After a change: go test ./internal/app -run TestMatrixDocument
// -update
func TestMatrixDocument(t *testing.T) {
	var judged []holdfast.Matrix
	for _, file := range keptRehearsals(t) {
		m, err := judgeRehearsal(World{}, file)
		if err != nil {
			t.Fatal(err)
		}
		judged = append(judged, m)
	}
	var want bytes.Buffer
	if err := reports.MatrixDocument(&want, judged); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "matrix.md")
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what the kept evidence comes to: go test ./internal/app -run TestMatrixDocument -update", file)
	}
	knownOf(t, judged)
}

// knownOf holds the judgement of kept evidence to what a lab saw that shares
// nothing with ours: the resolvers of Debian 12 in a root signed by BIND's tools.
func knownOf(t *testing.T, judged []holdfast.Matrix) {
	t.Helper()
	for _, test := range []struct {
		play, actor string
		want        holdfast.Agreement
		end         holdfast.Status
	}{
		{"plain", "unbound", holdfast.Agrees, holdfast.Secure},
		{"plain", "bind", holdfast.Agrees, holdfast.Secure},
		{"plain", "knot", holdfast.Agrees, holdfast.Secure},
		{"plain", "pdns", holdfast.Agrees, holdfast.Bogus},
		{"plain", "unbound-static", holdfast.Agrees, holdfast.Bogus},
		{"n1-early-switch", "unbound", holdfast.Deviates, holdfast.Secure}, // by time alone
		{"n2-revoke-unsigned", "knot", holdfast.Deviates, holdfast.Bogus},  // heeds REVOKE without a signature
		{"n2-revoke-unsigned", "unbound", holdfast.Agrees, holdfast.Secure},
		{"n6-only-anchor-revoked", "unbound", holdfast.Agrees, holdfast.Insecure}, // section 5
		{"n6-only-anchor-revoked", "bind", holdfast.Deviates, holdfast.Bogus},
		{"n6-only-anchor-revoked", "knot", holdfast.Deviates, holdfast.Bogus},
	} {
		for _, m := range judged {
			if m.Play.Name != test.play || m.Clock != Accelerated {
				continue
			}
			if e, ok := m.End(test.actor); !ok || e.Agreement != test.want || e.Seen != test.end {
				t.Errorf("%s, %s: %s and %s in the end, want %s and %s", test.play, test.actor, e.Agreement, e.Seen, test.want, test.end)
			}
		}
	}
}

// TestRolloverMatrix goes through the command's text, JSON and page.
func TestRolloverMatrix(t *testing.T) {
	var plain string
	for _, file := range keptRehearsals(t) {
		if strings.HasSuffix(file, "/plain.jsonl.gz") {
			plain = file
		}
	}
	if plain == "" {
		t.Fatal("the plain rollover is not kept")
	}
	page := filepath.Join(t.TempDir(), "page.html")
	var out bytes.Buffer
	if _, err := RolloverMatrix(World{Stdout: &out}, MatrixOptions{Files: []string{plain}, Page: page, All: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"plain: ", "unbound-static", "secure, as due", "bogus, as due", "start > add-pend > valid", "RFC 5011 section 4"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, out.String())
		}
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg ", `role="img" aria-label="Time lines of`, "Where they do not simply agree", "<caption>", `lang="en"`} {
		if !bytes.Contains(html, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"<script", "http://", "https://"} {
		if bytes.Contains(html, []byte(not)) {
			t.Errorf("the page has %q, and is to need nothing else", not)
		}
	}
	out.Reset()
	if _, err := RolloverMatrix(World{Stdout: &out}, MatrixOptions{Files: []string{plain}, JSON: true}); err != nil {
		t.Fatal(err)
	}
	var read judgedRehearsals
	if err := json.Unmarshal(out.Bytes(), &read); err != nil || len(read.Matrices) != 1 || len(read.Matrices[0].Cells) == 0 {
		t.Errorf("the JSON cannot be read back: %v", err)
	}
}

// TestRolloverMatrixRefuses what it does not understand, and says what to do.
func TestRolloverMatrixRefuses(t *testing.T) {
	for _, text := range []string{"", "nonsense", `{"rehearsal":{"format":"other/1"}}`, `{"rehearsal":{"format":"holdfast-rehearsal/1"}}`} {
		var out bytes.Buffer
		exit, err := RolloverMatrix(World{Stdin: strings.NewReader(text), Stdout: &out}, MatrixOptions{Files: []string{"-"}})
		if exit != Unworked || err == nil || out.Len() > 0 {
			t.Errorf("%q: exit %d, error %v, output %q", text, exit, err, out.String())
		}
	}
	if _, err := RolloverMatrix(World{}, MatrixOptions{Files: []string{"/nonexistent/file"}}); err == nil || !strings.Contains(err.Error(), "rollover run") {
		t.Errorf("a file that is not there: %v", err)
	}
}
