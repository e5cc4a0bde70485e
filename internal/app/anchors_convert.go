package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// AnchorsConvertOptions are the flags of `holdfast anchors convert`, as given.
type AnchorsConvertOptions struct {
	File, Form, To           string
	Signature, CA, Email, At string
	JSON                     bool
}

// anchorsConverted is what `anchors convert --json` prints.
type anchorsConverted struct {
	Format   string      `json:"format"`
	To       anchor.Form `json:"to"`
	At       time.Time   `json:"at"`
	Verified bool        `json:"verified"`
	Because  string      `json:"because"`
	Text     string      `json:"text"`
}

// AnchorsConvert prints the keys that a file trusts at an instant in another
// form. It writes no file, and says in the first line whether it knows the keys
// for IANA's.
func AnchorsConvert(w World, o AnchorsConvertOptions) (Exit, error) {
	at, err := parseInstant(o.At, w.Clock.Now())
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	from, err := readAnchors(w, anchor.Form(o.Form), o.File)
	if err != nil {
		return Unworked, err
	}
	to, err := anchor.New(anchor.Form(o.To), "the converted file")
	if err != nil {
		return Unworked, advise(err, "Forms that can be written: %s.", formWords(anchor.Writable()))
	}
	taken := []holdfast.TrustedKey{}
	for _, point := range from.Points {
		for _, key := range point.Keys {
			if !anchor.Trusts(key, at) {
				continue
			}
			if to, err = to.Add(point.Zone, key); err != nil {
				return Unworked, fmt.Errorf("convert %s: %w", key.Place, err)
			}
			taken = append(taken, key)
		}
	}
	if len(taken) == 0 {
		return Unworked, fmt.Errorf("convert %s: it trusts no key at %s", o.File, instant(at))
	}
	verified, because, err := provenance(from, taken, o, at)
	if err != nil {
		return Unworked, err
	}
	said := because + ", at " + at.Format(time.RFC3339)
	if !verified {
		said = "NOT VERIFIED: " + said
	}
	text := comment(anchor.Form(o.To), said, string(to.Text()))
	if o.JSON {
		err = writeJSON(w.Stdout, anchorsConverted{"holdfast-anchors-converted/1", anchor.Form(o.To), at, verified, because, text})
	} else {
		_, err = fmt.Fprint(w.Stdout, text)
	}
	switch {
	case err != nil:
		return Unworked, fmt.Errorf("convert anchors: %w", err)
	case !verified:
		return Warned, nil
	}
	return Healthy, nil
}

// provenance says why keys are known for IANA's, or why not: by the file's
// signature, or because they are those that this program carries.
func provenance(from *anchor.File, keys []holdfast.TrustedKey, o AnchorsConvertOptions, at time.Time) (verified bool, because string, err error) {
	if from.Form == anchor.FormXML {
		report := anchorsVerified{At: at}
		if err := report.verify(from, AnchorsVerifyOptions{File: o.File, Signature: o.Signature, CA: o.CA, Email: o.Email}); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, "", err
		}
		if report.Verified {
			return true, fmt.Sprintf("verified: signed by %s under %s", report.Signature.Email, report.Signature.CA), nil
		}
	}
	for _, key := range keys {
		if !builtIn(key) {
			return false, fmt.Sprintf("key %d is vouched for by nobody but %s", key.Tag, from.Name), nil
		}
	}
	return true, "verified: the keys are IANA's as this program carries them, taken " + anchor.Taken.Format(time.DateOnly), nil
}

// builtIn says whether a key of the root is one that this program carries.
func builtIn(key holdfast.TrustedKey) bool {
	for _, record := range anchor.Embedded() {
		ours, err := record.DS()
		if err != nil {
			continue
		}
		if key.DS != nil && key.DS.DigestType == ours.DigestType && bytes.Equal(key.DS.Digest, ours.Digest) {
			return true
		}
		if len(key.Public) > 0 {
			ds, err := wire.DNSKEY{Flags: key.Flags, Protocol: 3, Algorithm: key.Algorithm, PublicKey: key.Public}.Digest(holdfast.Root, ours.DigestType)
			if err == nil && bytes.Equal(ds.Digest, ours.Digest) {
				return true
			}
		}
	}
	return false
}

// comment puts a comment before the text of a form.
func comment(form anchor.Form, said, text string) string {
	switch form {
	case anchor.FormXML:
		head, rest, _ := strings.Cut(text, "\n")
		return head + "\n<!-- " + strings.ReplaceAll(said, "--", "-") + " -->\n" + rest
	case anchor.FormBIND:
		return "// " + said + "\n" + text
	case anchor.FormPowerDNS, anchor.FormKnotConf:
		return "-- " + said + "\n" + text
	case anchor.FormDnsmasq, anchor.FormUnboundConf:
		return "# " + said + "\n" + text
	}
	return "; " + said + "\n" + text
}

func formWords(all []anchor.Form) string {
	words := make([]string, len(all))
	for i, f := range all {
		words[i] = string(f)
	}
	return strings.Join(words, ", ")
}
