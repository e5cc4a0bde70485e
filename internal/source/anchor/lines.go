package anchor

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// eachLine hands out the lines of the text with what stands behind a comment
// mark cut off; marks within quotes do not count.
func (f *File) eachLine(mark string, yield func(from, to int, line string) error) error {
	for from := 0; from < len(f.text); {
		end := len(f.text)
		if i := bytes.IndexByte(f.text[from:], '\n'); i >= 0 {
			end = from + i + 1
		}
		line := strings.TrimRight(string(f.text[from:end]), "\r\n")
		if err := yield(from, from+len(line), strings.TrimSpace(cutComment(line, mark))); err != nil {
			return f.fault(from, "%w", err)
		}
		from = end
	}
	return nil
}

func cutComment(line, mark string) string {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case strings.HasPrefix(line[i:], mark):
			return line[:i]
		}
	}
	return line
}

var dnsmasqLineOf = regexp.MustCompile(`(?m)^\s*(?:--)?trust-anchor\s*=`)

func likeDnsmasq(_ string, text []byte) bool { return dnsmasqLineOf.Match(text) }

// parseDnsmasq reads dnsmasq's trust-anchor= lines:
// DOMAIN,[CLASS,]TAG,ALGORITHM,DIGEST-TYPE,DIGEST. Other settings it passes over.
func parseDnsmasq(f *File) error {
	return f.eachLine("#", func(from, to int, line string) error {
		if !dnsmasqLineOf.MatchString(line) {
			return nil
		}
		_, value, _ := strings.Cut(line, "=")
		fields := strings.Split(value, ",")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if len(fields) == 6 {
			if fields[1] != "IN" {
				return fmt.Errorf("class %q: want IN", fields[1])
			}
			fields = slices.Delete(fields, 1, 2)
		}
		if len(fields) != 5 {
			return fmt.Errorf("trust-anchor=%s: want domain, key tag, algorithm, digest type and digest", value)
		}
		zone, err := holdfast.ParseName(fields[0])
		if err != nil {
			return err
		}
		ds, err := dsOf(fields[1:])
		if err != nil {
			return err
		}
		f.hold(from, to, zone, DigestOf(ds))
		return nil
	})
}

func dnsmasqLine(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	ds, err := digestFor(zone, key)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("trust-anchor=%s,%d,%d,%d,%X\n", zone.Short(), ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest), nil
}

var unboundSetting = regexp.MustCompile(`^(trust-anchor|auto-trust-anchor-file|trust-anchor-file|trusted-keys-file|domain-insecure):\s*(.*)$`)

var unboundAny = regexp.MustCompile(`(?m)^\s*(trust-anchor|auto-trust-anchor-file|trust-anchor-file|trusted-keys-file|domain-insecure):`)

func likeUnboundConf(_ string, text []byte) bool { return unboundAny.Match(text) }

// parseUnboundConf reads the settings of unbound.conf that speak of trust
// anchors; others it passes over, and files that are included it does not read.
func parseUnboundConf(f *File) error {
	return f.eachLine("#", func(from, to int, line string) error {
		m := unboundSetting.FindStringSubmatch(line)
		if m == nil {
			return nil
		}
		value := strings.Trim(strings.TrimSpace(m[2]), `"'`)
		switch m[1] {
		case "trust-anchor":
			record, err := wire.ParseRecord(value)
			if err != nil {
				return err
			}
			key, err := anchorOf(record)
			if err != nil {
				return err
			}
			key.Word = m[1]
			f.hold(from, to, record.Name, key)
		case "domain-insecure":
			name, err := holdfast.ParseName(value)
			if err != nil {
				return err
			}
			f.Negative = append(f.Negative, name)
		default:
			f.Files = append(f.Files, Reference{value, m[1], f.place(from)})
		}
		return nil
	})
}

func unboundConfLine(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	record, err := RecordOf(zone, key, 172800)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("    trust-anchor: %q\n", presentation(record)), nil
}

func likeResolved(name string, text []byte) bool {
	return hasSuffix(name, ".positive") && likeRecords(name, text)
}

// resolvedLine is a DS record always: a DNSKEY there is reported to break all
// resolution (systemd issue 36592, open).
func resolvedLine(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	words, err := digestWords(zone, key)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s IN DS %s\n", zone, words), nil
}

func likeNegative(name string, _ []byte) bool { return hasSuffix(name, ".negative") }

// parseNegative reads systemd-resolved's names that are not to be validated,
// one a line.
func parseNegative(f *File) error {
	return f.eachLine(";", func(_, _ int, line string) error {
		if line == "" || strings.HasPrefix(line, "#") {
			return nil
		}
		name, err := holdfast.ParseName(line)
		if err == nil {
			f.Negative = append(f.Negative, name)
		}
		return err
	})
}
