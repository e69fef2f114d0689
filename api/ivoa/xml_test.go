package ivoa

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestXMLIsReadAsOthersWriteIt(t *testing.T) {
	const body = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<!-- namespaces, wrapped lists, a kind as an element, entities, CDATA -->
<ns:ExecutionRequest xmlns:ns="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">
  <ns:executable>
    <ns:kind>` + KindDockerContainer + `</ns:kind>
    <privileged> true </privileged>
    <command>a &lt; b</command><command><![CDATA[<x>]]></command><command/>
    <environment><A>1</A><entry name="B C">2</entry><entry>3</entry></environment>
    <network><ports><internal><port> 80 </port></internal></ports></network>
  </ns:executable>
  <costs><cost kind="` + KindFloatCost + `"><max>2.5</max></cost></costs>
  <metrics kind="` + KindFloatMetric + `"/>
  <costs/>
</ns:ExecutionRequest>`
	var request ExecutionRequest
	notices, err := Decode(XML, []byte(body), Limits{}, &request)
	require.NoError(t, err)
	require.Empty(t, notices)
	port, most := int32(80), 2.5
	assert.Equal(t, ExecutionRequest{
		Components: Components{Executable: &DockerContainer{
			Component:   Component{Kind: KindDockerContainer},
			Privileged:  true,
			Command:     []string{"a < b", "<x>", ""},
			Environment: map[string]string{"A": "1", "B C": "2", "entry": "3"},
			Network:     &DockerNetwork{Ports: []DockerPort{{Internal: &DockerInternalPort{Port: &port}}}},
		}},
		Costs:   []CostItem{&FloatCost{Quantity: Quantity{Kind: KindFloatCost}, Max: &most}},
		Metrics: []MetricItem{&FloatMetric{Quantity: Quantity{Kind: KindFloatMetric}}},
	}, request)
}

func TestConnectorsAreReadByEitherName(t *testing.T) {
	for _, body := range []string{
		`<execution kind="k"><connector><kind>a</kind></connector><connector><kind>b</kind></connector></execution>`,
		`<execution kind="k"><connectors><kind>a</kind></connectors><connectors><kind>b</kind></connectors></execution>`,
		`<execution kind="k"><connectors><connector><kind>a</kind></connector><connector><kind>b</kind></connector></connectors></execution>`,
	} {
		var session Session
		notices, err := Decode(XML, []byte(body), Limits{}, &session)
		require.NoError(t, err)
		require.Empty(t, notices)
		assert.Equal(t, []Connector{{Kind: "a"}, {Kind: "b"}}, session.Connectors, body)
	}
}

func TestUnmarkedXMLOfUnknownKindsIsGuessed(t *testing.T) {
	var executable Executable
	_, err := Decode(XML, []byte(`<executable kind="urn:x"><step n="1">a</step><step>b</step><deep><x>1</x></deep><none json="null"/></executable>`), Limits{}, &executable)
	require.NoError(t, err)
	assert.JSONEq(t, `{"step":[{"n":"1","text":"a"},"b"],"deep":{"x":"1"},"none":null}`, string(executable.(*UnknownExecutable).Content))
}

func TestDangerousXMLIsRefused(t *testing.T) {
	for body, message := range map[string]string{
		``:                                   "no XML element",
		`  `:                                 "no XML element",
		`plain`:                              "outside the root",
		`<offers-request>`:                   "not XML",
		`<offers-request></x>`:               "not XML",
		`<html></html>`:                      "the root element is html, where offers-request is wanted",
		`<offers-request/><offers-request/>`: "more than one root",
		`<offers-request/>text`:              "outside the root",
		`<!DOCTYPE x SYSTEM "file:///etc/passwd"><offers-request/>`:               "document types",
		`<!DOCTYPE x [<!ENTITY a "b">]><offers-request>&a;</offers-request>`:      "document types",
		`<offers-request>&a;</offers-request>`:                                    "not XML",
		`<?xml version="1.0"?><?php x?><offers-request/>`:                         "processing instructions",
		`<offers-request/><?xml version="1.0"?>`:                                  "processing instructions",
		`<?xml version="1.0" encoding="UTF-16"?><offers-request/>`:                "not XML",
		"<offers-request>\xff</offers-request>":                                   "not XML",
		"<offers-request>\x01</offers-request>":                                   "not XML",
		`<offers-request>text</offers-request>`:                                   "an object is wanted",
		`<offers-request><compute/></offers-request>`:                             "a kind is required",
		`<offers-request><schedule/><schedule/></offers-request>`:                 "stands twice",
		`<offers-request a="1" a="2"/>`:                                           "stands twice",
		`<offers-request><compute kind="a"/><compute kind="a"/></offers-request>`: "stands twice",
	} {
		_, err := Decode(XML, []byte(body), Limits{}, &ExecutionRequest{})
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, body)
		assert.Contains(t, syntax.Message, message, body)
	}
}

func TestXMLIsWrittenAsTheSchemaSays(t *testing.T) {
	body, err := Encode(XML, &OfferSet{Result: Yes, Offers: []*Session{{
		Component:  Component{Kind: KindSimpleSession, Meta: &Metadata{Messages: []Message{{Text: "<hello>\x01"}}, Options: []Option{&EnumValueOption{Target: Target{Path: "/phase"}, Values: []string{"ACCEPTED", "REJECTED"}}}}},
		Connectors: []Connector{{Kind: KindDockerStdout}},
	}}})
	require.NoError(t, err)
	assert.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>
<offers-response kind="`+KindOfferSet+`">
  <result>YES</result>
  <offers>
    <execution kind="`+KindSimpleSession+`">
      <meta>
        <message>
          <message>&lt;hello&gt;`+"\ufffd"+`</message>
        </message>
        <options kind="uri:enum-value-option">
          <path>/phase</path>
          <values>ACCEPTED</values>
          <values>REJECTED</values>
        </options>
      </meta>
      <connector>
        <kind>`+KindDockerStdout+`</kind>
      </connector>
    </execution>
  </offers>
</offers-response>
`, string(body))
}
