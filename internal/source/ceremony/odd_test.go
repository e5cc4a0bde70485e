package ceremony_test

import (
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast/internal/source/ceremony"
)

// TestReadRefusesMore are documents that are XML, and no key signing file: each
// is an error with the file's name, and its line where there is one.
func TestReadRefusesMore(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"an element where text should be":   {"<Flags>256</Flags>", "<Flags><b>256</b></Flags>", "line 17: element Flags holds b"},
		"a bundle without a name":           {`<RequestBundle id="b1">`, "<RequestBundle>", "element RequestBundle has no attribute id"},
		"two policies":                      {"</ZSK>", "</ZSK><ZSK><PublishSafety>P10D</PublishSafety><RetireSafety>P10D</RetireSafety><MaxSignatureValidity>P21D</MaxSignatureValidity><MinSignatureValidity>P21D</MinSignatureValidity><MaxValidityOverlap>P12D</MaxValidityOverlap><MinValidityOverlap>P9D</MinValidityOverlap><SignatureAlgorithm algorithm=\"8\"><RSA exponent=\"65537\" size=\"2048\"/></SignatureAlgorithm></ZSK>", "two policies ZSK"},
		"an algorithm that is no number":    {`<SignatureAlgorithm algorithm="8">`, `<SignatureAlgorithm algorithm="RSA">`, `"RSA" is not an algorithm number`},
		"an algorithm of none":              {`<RSA exponent="65537" size="2048"/>`, `<GOST size="2048"/>`, "element GOST has no place"},
		"a size that is no number":          {`size="2048"`, `size="large"`, `"large" is not a number of bits`},
		"an exponent that is no number":     {`exponent="65537"`, `exponent="e"`, `"e" is not a number`},
		"neither a request nor a response":  {"<Request timestamp=\"2017-10-06T13:00:00Z\">", "<Question><Request timestamp=\"2017-10-06T13:00:00Z\">", "holds Question"},
		"an empty document":                 {ksr[strings.Index(ksr, "  <Request t"):strings.Index(ksr, "</KSR>")], "", "element KSR is empty"},
		"made at no instant":                {`timestamp="2017-10-06T13:00:00Z"`, `timestamp="once"`, "attribute timestamp"},
		"an element that is none":           {"<RequestBundle id", "<Extra/><RequestBundle id", "element Extra has no place in a Request"},
		"two requests":                      {"</Request>", "</Request><Request/>", "more than one request or response"},
		"cut within an element, no closing": {"</SignatureData>", "", "line"},
	} {
		text := strings.Replace(ksr, c.old, c.new, 1)
		if text == ksr {
			t.Fatalf("%s: nothing was changed", name)
		}
		_, err := ceremony.Read(strings.NewReader(text), "ksr.xml")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "ksr.xml") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestReadCut: a document that ends anywhere before its end is an error.
func TestReadCut(t *testing.T) {
	end := strings.Index(ksr, "</KSR>") + len("</KSR>")
	for n := range end {
		if _, err := ceremony.Read(strings.NewReader(ksr[:n]), "ksr.xml"); err == nil {
			t.Fatalf("cut at %d: it was read", n)
		} else if !strings.Contains(err.Error(), "ksr.xml") {
			t.Fatalf("cut at %d: %v names no file", n, err)
		}
	}
	if _, err := ceremony.Read(strings.NewReader(ksr[:end]), "ksr.xml"); err != nil {
		t.Error(err)
	}
}
