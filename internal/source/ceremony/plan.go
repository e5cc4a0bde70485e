package ceremony

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
)

// maxSlots bounds a schema; the root's quarters have nine.
const maxSlots = 128

// signer is ksrsigner.yaml, the configuration of the KSK operator's tools, as
// far as it says how keys are rolled; the rest (modules, policies for requests)
// is left alone.
type signer struct {
	Keys map[string]struct {
		Description string    `yaml:"description"`
		Label       string    `yaml:"label"`
		Tag         uint16    `yaml:"key_tag"`
		Algorithm   string    `yaml:"algorithm"`
		Bits        int       `yaml:"rsa_size"`
		Exponent    uint64    `yaml:"rsa_exponent"`
		From        time.Time `yaml:"valid_from"`
		Until       time.Time `yaml:"valid_until"`
		DS          string    `yaml:"ds_sha256"`
	} `yaml:"keys"`
	Policy *struct {
		PublishSafety string `yaml:"publish_safety"`
		RetireSafety  string `yaml:"retire_safety"`
		MaxValidity   string `yaml:"max_signature_validity"`
		MinValidity   string `yaml:"min_signature_validity"`
		MaxOverlap    string `yaml:"max_validity_overlap"`
		MinOverlap    string `yaml:"min_validity_overlap"`
		TTL           uint32 `yaml:"ttl"`
	} `yaml:"ksk_policy"`
	Schemas map[string]map[string]slot `yaml:"schemas"`
}

// slot is a slot of a schema: each is one name or a list of them.
type slot struct {
	Publish any `yaml:"publish"`
	Sign    any `yaml:"sign"`
	Revoke  any `yaml:"revoke"`
}

// ReadPlan reads the KSK operator's schemas and inventory from a ksrsigner.yaml
// of its tools. Slots must be numbered from 1 without a gap, and every key that
// a schema names must be in the inventory where there is one. Errors name the
// file, the schema and the slot.
func ReadPlan(in io.Reader, file string) (holdfast.CeremonyPlan, error) {
	var config signer
	out := holdfast.CeremonyPlan{File: file}
	if err := source.ReadYAML(in, file, false, &config); err != nil {
		return out, err
	}
	if len(config.Schemas) == 0 {
		return out, fmt.Errorf("read %s: it has no schemas: what is published, signed and revoked in each slot", file)
	}
	if err := config.inventory(&out); err != nil {
		return out, fmt.Errorf("read %s: %w", file, err)
	}
	if err := config.policy(&out); err != nil {
		return out, fmt.Errorf("read %s: %w", file, err)
	}
	for _, name := range slices.Sorted(maps.Keys(config.Schemas)) {
		schema, err := config.schema(name)
		if err != nil {
			return out, fmt.Errorf("read %s: schema %s: %w", file, name, err)
		}
		out.Schemas = append(out.Schemas, schema)
	}
	return out, nil
}

func (s signer) inventory(out *holdfast.CeremonyPlan) error {
	for _, name := range slices.Sorted(maps.Keys(s.Keys)) {
		k := s.Keys[name]
		algorithm, ok := algorithms[strings.ToUpper(k.Algorithm)]
		if !ok {
			return fmt.Errorf("key %s: algorithm %q is unknown", name, k.Algorithm)
		}
		digest, err := hex.DecodeString(k.DS)
		if err != nil || len(digest) != 0 && len(digest) != 32 {
			return fmt.Errorf("key %s: ds_sha256 is not a SHA-256 digest in hexadecimal", name)
		}
		out.Keys = append(out.Keys, holdfast.CeremonyKey{
			Name: name, Description: k.Description, Label: k.Label, Tag: k.Tag, Algorithm: algorithm,
			Bits: k.Bits, Exponent: k.Exponent, From: utc(k.From), Until: utc(k.Until), DS: digest,
		})
	}
	return nil
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

func (s signer) policy(out *holdfast.CeremonyPlan) error {
	if s.Policy == nil {
		return nil
	}
	var p holdfast.SigningPolicy
	for _, field := range []struct {
		name, text string
		into       *time.Duration
	}{
		{"publish_safety", s.Policy.PublishSafety, &p.PublishSafety}, {"retire_safety", s.Policy.RetireSafety, &p.RetireSafety},
		{"max_signature_validity", s.Policy.MaxValidity, &p.MaxValidity}, {"min_signature_validity", s.Policy.MinValidity, &p.MinValidity},
		{"max_validity_overlap", s.Policy.MaxOverlap, &p.MaxOverlap}, {"min_validity_overlap", s.Policy.MinOverlap, &p.MinOverlap},
	} {
		if field.text == "" {
			continue // the tools have defaults of their own
		}
		length, err := ReadDuration(field.text)
		if err != nil {
			return fmt.Errorf("ksk_policy: %s: %w", field.name, err)
		}
		*field.into = length
	}
	out.Policy, out.TTL = &p, s.Policy.TTL
	return nil
}

func (s signer) schema(name string) (holdfast.PhaseSchema, error) {
	slots := s.Schemas[name]
	out := holdfast.PhaseSchema{Name: name}
	if len(slots) == 0 || len(slots) > maxSlots {
		return out, fmt.Errorf("it has %d slots; want 1 to %d", len(slots), maxSlots)
	}
	for i := range len(slots) {
		given, ok := slots[fmt.Sprint(i+1)]
		if !ok {
			return out, fmt.Errorf("it has %d slots (%s), but no slot %d", len(slots), strings.Join(slices.SortedFunc(maps.Keys(slots), numeric), ", "), i+1)
		}
		var phase holdfast.PhaseSlot
		for _, field := range []struct {
			name  string
			given any
			into  *[]string
		}{{"publish", given.Publish, &phase.Publish}, {"sign", given.Sign, &phase.Sign}, {"revoke", given.Revoke, &phase.Revoke}} {
			names, err := s.names(field.given)
			if err != nil {
				return out, fmt.Errorf("slot %d: %s: %w", i+1, field.name, err)
			}
			*field.into = names
		}
		if len(phase.Sign) == 0 || len(phase.Publish) == 0 {
			return out, fmt.Errorf("slot %d: it wants a key in publish and one in sign", i+1)
		}
		out.Slots = append(out.Slots, phase)
	}
	return out, nil
}

func numeric(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }

// names are the keys of a field: one, or a list.
func (s signer) names(given any) ([]string, error) {
	var out []string
	switch v := given.(type) {
	case nil:
	case string:
		out = []string{v}
	case []any:
		for _, one := range v {
			name, ok := one.(string)
			if !ok {
				return nil, fmt.Errorf("%v is not the name of a key", one)
			}
			out = append(out, name)
		}
	default:
		return nil, fmt.Errorf("%v is neither the name of a key nor a list of names", v)
	}
	for _, name := range out {
		if _, ok := s.Keys[name]; !ok && len(s.Keys) > 0 {
			return nil, fmt.Errorf("there is no key %q among the keys of the file", name)
		}
	}
	return out, nil
}

// algorithms are the names that the KSK operator's tools use (IANA, "DNS
// Security Algorithm Numbers").
var algorithms = map[string]uint8{
	"RSASHA1": 5, "RSASHA256": 8, "RSASHA512": 10, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14, "ED25519": 15, "ED448": 16,
}
