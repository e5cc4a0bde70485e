package anchor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func likeXML(_ string, text []byte) bool { return bytes.Contains(text, []byte("<TrustAnchor")) }

// keyDigest is an element of that name (RFC 9718 section 2). PublicKey and
// Flags came with RFC 9718: both are there, or neither.
type keyDigest struct {
	ID         string  `xml:"id,attr"`
	ValidFrom  string  `xml:"validFrom,attr"`
	ValidUntil string  `xml:"validUntil,attr"`
	KeyTag     string  `xml:"KeyTag"`
	Algorithm  string  `xml:"Algorithm"`
	DigestType string  `xml:"DigestType"`
	Digest     string  `xml:"Digest"`
	PublicKey  *string `xml:"PublicKey"`
	Flags      *string `xml:"Flags"`
}

// parseXML reads IANA's root-anchors.xml, as RFC 7958 and as RFC 9718 have it,
// also with elements of both in one file. What it does not know it passes over:
// the file is signed as a whole.
func parseXML(f *File) error {
	decoder := xml.NewDecoder(bytes.NewReader(f.text))
	zone := holdfast.Name("")
	var found []entry
	for closed := false; ; {
		from := int(decoder.InputOffset())
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && closed {
			break
		}
		if err != nil {
			return f.fault(from, "%w", err)
		}
		switch t := token.(type) {
		case xml.EndElement:
			closed = t.Name.Local == "TrustAnchor"
			if closed {
				f.insert = from
			}
		case xml.StartElement:
			switch t.Name.Local {
			case "TrustAnchor":
			case "Zone":
				zone, err = zoneElement(decoder, t)
			case "KeyDigest":
				var key holdfast.TrustedKey
				if key, err = keyElement(decoder, t, zone); err == nil {
					found = append(found, entry{from: from, to: int(decoder.InputOffset()), key: key})
				}
			default:
				err = decoder.Skip()
			}
			if err != nil {
				return f.fault(from, "%w", err)
			}
		}
	}
	if zone == "" {
		return f.fault(0, "element Zone is missing")
	}
	for _, e := range found {
		f.hold(e.from, e.to, zone, e.key)
	}
	f.point(zone, "")
	return nil
}

func zoneElement(decoder *xml.Decoder, start xml.StartElement) (holdfast.Name, error) {
	var text string
	if err := decoder.DecodeElement(&text, &start); err != nil {
		return "", err
	}
	zone, err := holdfast.ParseName(strings.TrimSpace(text))
	if err != nil {
		return "", fmt.Errorf("element Zone: %w", err)
	}
	return zone, nil
}

// keyElement reads a KeyDigest of a zone. Tag and digest are computed anew where the
// key itself is there: a file that contradicts itself is not understood.
func keyElement(decoder *xml.Decoder, start xml.StartElement, zone holdfast.Name) (holdfast.TrustedKey, error) {
	var none holdfast.TrustedKey
	var text keyDigest
	if err := decoder.DecodeElement(&text, &start); err != nil {
		return none, err
	}
	if zone == "" {
		return none, fmt.Errorf("element KeyDigest stands before Zone")
	}
	name := strings.TrimSpace("KeyDigest " + text.ID)
	from, err := xmlTime(text.ValidFrom)
	if err != nil {
		return none, fmt.Errorf("%s: validFrom: %w", name, err)
	}
	var until time.Time
	if text.ValidUntil != "" {
		if until, err = xmlTime(text.ValidUntil); err != nil {
			return none, fmt.Errorf("%s: validUntil: %w", name, err)
		}
	}
	ds, err := text.ds()
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	key := DigestOf(ds)
	key.Word, key.From, key.Until = text.ID, from, until
	if err := text.public(zone, &key); err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

func (k keyDigest) ds() (ds holdfast.DS, err error) {
	tag, err := strconv.ParseUint(strings.TrimSpace(k.KeyTag), 10, 16)
	if err != nil {
		return ds, fmt.Errorf("element KeyTag %q is not a number below 65536", k.KeyTag)
	}
	algorithm, err := strconv.ParseUint(strings.TrimSpace(k.Algorithm), 10, 8)
	if err != nil {
		return ds, fmt.Errorf("element Algorithm %q is not a number below 256", k.Algorithm)
	}
	kind, err := strconv.ParseUint(strings.TrimSpace(k.DigestType), 10, 8)
	if err != nil {
		return ds, fmt.Errorf("element DigestType %q is not a number below 256", k.DigestType)
	}
	digest, err := hex.DecodeString(strings.Join(strings.Fields(k.Digest), ""))
	if err != nil || len(digest) == 0 {
		return ds, fmt.Errorf("element Digest %q is not hexadecimal", k.Digest)
	}
	ds = holdfast.DS{KeyTag: uint16(tag), Algorithm: uint8(algorithm), DigestType: uint8(kind), Digest: digest}
	return ds, digestLength(ds)
}

// digestLength holds a digest to the length of its type (RFC 4034 section 5.1.4,
// RFC 4509, RFC 6605).
func digestLength(ds holdfast.DS) error {
	want := map[uint8]int{1: 20, 2: 32, 3: 32, 4: 48}[ds.DigestType]
	if want != 0 && len(ds.Digest) != want {
		return fmt.Errorf("a digest of type %d has %d octets, this one %d", ds.DigestType, want, len(ds.Digest))
	}
	return nil
}

// public adds the key itself, if the element has it.
func (k keyDigest) public(zone holdfast.Name, key *holdfast.TrustedKey) error {
	if (k.PublicKey == nil) != (k.Flags == nil) {
		return fmt.Errorf("elements PublicKey and Flags stand together or not at all (RFC 9718 section 2)")
	}
	if k.PublicKey == nil {
		return nil
	}
	record, err := dnskeyOf(zone, []string{strings.TrimSpace(*k.Flags), "3", fmt.Sprint(key.Algorithm), strings.Join(strings.Fields(*k.PublicKey), "")})
	if err != nil {
		return err
	}
	if tag := record.KeyTag(); tag != key.Tag {
		return fmt.Errorf("element KeyTag is %d, but that of PublicKey is %d", key.Tag, tag)
	}
	ds, err := record.Digest(zone, key.DS.DigestType)
	if errors.Is(err, wire.ErrAlgorithm) {
		return fmt.Errorf("element DigestType %d is not supported, so that PublicKey cannot be held against it", key.DS.DigestType)
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(ds.Digest, key.DS.Digest) {
		return fmt.Errorf("element Digest is not that of PublicKey")
	}
	key.Flags, key.Public = record.Flags, record.PublicKey
	return nil
}

// xmlTime reads an xsd:dateTime; where it names no zone, UTC is meant.
func xmlTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if at, err := time.Parse("2006-01-02T15:04:05", text); err == nil {
		return at, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	return at.UTC(), err
}

// xmlLine writes an anchor as RFC 9718 has it, with the key where it is known.
func xmlLine(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	if zone != holdfast.Root {
		return "", fmt.Errorf("anchor %d of %s: a file of this form is of the root", key.Tag, zone)
	}
	ds, err := digestFor(zone, key)
	if err != nil {
		return "", err
	}
	if key.From.IsZero() {
		return "", fmt.Errorf("anchor %d: from when on it is valid must be known (validFrom, RFC 9718 section 2)", key.Tag)
	}
	var b strings.Builder
	id := key.Word
	if id == "" {
		id = fmt.Sprintf("K%d", key.Tag)
	}
	fmt.Fprintf(&b, "    <KeyDigest id=%q validFrom=%q", id, key.From.UTC().Format(xmlDate))
	if !key.Until.IsZero() {
		fmt.Fprintf(&b, " validUntil=%q", key.Until.UTC().Format(xmlDate))
	}
	fmt.Fprintf(&b, ">\n        <KeyTag>%d</KeyTag>\n        <Algorithm>%d</Algorithm>\n        <DigestType>%d</DigestType>\n        <Digest>%X</Digest>\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
	if len(key.Public) > 0 {
		fmt.Fprintf(&b, "        <PublicKey>%s</PublicKey>\n        <Flags>%d</Flags>\n", base64.StdEncoding.EncodeToString(key.Public), key.Flags)
	}
	b.WriteString("    </KeyDigest>\n")
	return b.String(), nil
}

const xmlDate = "2006-01-02T15:04:05-07:00"

// digestFor is an anchor as a digest: the one that it is held by, or SHA-256 of
// its key.
func digestFor(zone holdfast.Name, key holdfast.TrustedKey) (holdfast.DS, error) {
	if key.DS != nil {
		return *key.DS, nil
	}
	if len(key.Public) == 0 {
		return holdfast.DS{}, fmt.Errorf("anchor %d of %s: there is neither its key nor a digest", key.Tag, zone)
	}
	const sha256 = 2
	return wire.DNSKEY{Flags: key.Flags &^ wire.FlagRevoke, Protocol: 3, Algorithm: key.Algorithm, PublicKey: key.Public}.Digest(zone, sha256)
}

// xmlFrame is a file without keys. Its id is that of no file of IANA's.
const xmlFrame = `<?xml version="1.0" encoding="UTF-8"?>
<TrustAnchor id="00000000-0000-0000-0000-000000000000" source="holdfast anchors convert">
    <Zone>.</Zone>
</TrustAnchor>
`
