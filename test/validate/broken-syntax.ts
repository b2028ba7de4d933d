// Broken texts: what is no YAML, no JSON, or not a map of known fields.
import { type BrokenConfig, cluster, clusters, listener, listeners } from "./broken-config.ts";

export const BROKEN_SYNTAX: readonly BrokenConfig[] = [
  { what: "an empty file", text: "»", message: /empty/, remedy: /./ },
  { what: "a list instead of a map", text: "»- a\n- b\n", message: /map|object/, remedy: /./ },
  { what: "plain words", text: "»hello world\n", message: /map|object/, remedy: /./ },
  {
    what: "a tab as indentation",
    text: "static_resources:\n»\tclusters: []\n",
    message: /[Tt]ab/,
    remedy: /space/,
  },
  {
    what: "wrong indentation",
    text: "static_resources:\n  clusters:\n  - name: one\n»   type: STATIC\n",
    message: /./,
    remedy: /indent/,
  },
  {
    what: "a list that is not closed",
    text: "static_resources:\n  clusters: [ { name: a }\n  »listeners: []\n",
    message: /./,
    remedy: /./,
  },
  {
    what: "a text that is not closed",
    text: 'node:\n  id: »"abc\n',
    message: /quote/,
    remedy: /./,
  },
  {
    what: "a key that is given twice",
    text: cluster("type: STATIC\n»type: STATIC"),
    message: /already set in line 4/,
    remedy: /./,
  },
  {
    what: "an alias without its anchor",
    text: cluster("type: »*kind"),
    message: /kind/,
    remedy: /&kind|anchor/,
  },
  {
    what: "two documents",
    text: "node: { id: a }\n---\n»node: { id: b }\n",
    message: /document/,
    remedy: /./,
  },
  {
    what: "a document of Istio",
    text: "# canary\n»apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nspec: {}\n",
    message: /document of Istio \(VirtualService of networking\.istio\.io\/v1beta1\)/,
    remedy: /Envoy bootstrap/,
  },
  {
    what: "two documents of Kubernetes",
    text: "»apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: Service\n",
    message: /document of Kubernetes \(ConfigMap of v1\)/,
    remedy: /file of its own/,
  },
  {
    what: "JSON with a comma too many",
    text: '{\n  "node": { "id": "a" },\n»}\n',
    file: "/etc/proxy/envoy.json",
    message: /./,
    remedy: /./,
  },
  {
    what: "an unknown field at the top",
    text: "»static_resorces: {}\n",
    message: /Unknown field/,
    remedy: /did you mean "static_resources"/,
  },
  {
    what: "an unknown field of a cluster",
    text: cluster("»conect_timeout: 1s"),
    message: /Unknown field/,
    remedy: /did you mean "connect_timeout"/,
  },
  {
    what: "a field at the wrong level",
    text: listeners("- name: a\n  »port_value: 80\n  address: { pipe: { path: /a } }"),
    message: /Unknown field/,
    remedy: /./,
  },
  {
    what: "a list where a message belongs",
    text: listener("listener_filters_timeout: »[1s]\nfilter_chains: [{}]"),
    message: /./,
    remedy: /1\.5s|duration/,
  },
  {
    what: "a text where a number belongs",
    text: cluster("per_connection_buffer_limit_bytes: »many"),
    message: /many/,
    remedy: /digits/,
  },
  {
    what: "a message where a list belongs",
    text: "static_resources:\n  clusters: »{ name: a }\n",
    message: /list/,
    remedy: /-|\[/,
  },
  {
    what: "a text where a message belongs",
    text: "node: »me\n",
    message: /./,
    remedy: /./,
  },
  {
    what: "a number where true or false belongs",
    text: cluster("respect_dns_ttl: »1"),
    message: /./,
    remedy: /true or false/,
  },
  {
    what: "a duration without its unit",
    text: cluster("connect_timeout: »5"),
    message: /./,
    remedy: /5s/,
  },
  {
    what: "a duration in milliseconds",
    text: cluster("connect_timeout: »250ms"),
    message: /250ms/,
    remedy: /0\.25s/,
  },
  {
    what: "an enum value that does not exist",
    text: cluster("type: »STRICTDNS"),
    message: /STRICTDNS/,
    remedy: /did you mean STRICT_DNS/,
  },
  {
    what: "a negative number",
    text: cluster("per_connection_buffer_limit_bytes: »-1"),
    message: /-1/,
    remedy: /./,
  },
  {
    what: "a number that is too large for its field",
    text: cluster("per_connection_buffer_limit_bytes: »5000000000"),
    message: /5000000000/,
    remedy: /4294967295/,
  },
  {
    what: "bytes that are no base64",
    text: listener(`
      filter_chains:
      - filters:
        - name: d
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config
            response: { inline_bytes: »"%%%" }`),
    message: /base64/,
    remedy: /./,
  },
  {
    what: "two fields of one choice",
    text: clusters(`
      - name: one
        type: STATIC
        »cluster_type: { name: envoy.clusters.static }`),
    message: /Excludes "type"/,
    remedy: /remove/,
  },
  {
    what: "a typed_config without @type",
    text: listener(`
      filter_chains:
      - filters:
        - name: envoy.filters.network.echo
          typed_config: »{ stat_prefix: a }`),
    message: /@type/,
    remedy: /./,
  },
  {
    what: "a type of the v2 API",
    text: listener(`
      filter_chains:
      - filters:
        - name: envoy.http_connection_manager
          typed_config:
            "@type": »type.googleapis.com/envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager
            stat_prefix: a`),
    message: /v2 API/,
    remedy: /v3\.HttpConnectionManager/,
  },
  {
    what: "a field of the v2 API",
    text: cluster(
      "type: STATIC\n»hosts: [{ socket_address: { address: 127.0.0.1, port_value: 1 } }]",
    ),
    message: /hosts/,
    remedy: /v2 API: write load_assignment/,
  },
  {
    what: "a type that does not exist",
    text: listener(`
      filter_chains:
      - filters:
        - name: a
          typed_config: { "@type": »type.googleapis.com/envoy.extensions.filters.network.echo.v3.Ecko }`),
    message: /Unknown type/,
    remedy: /did you mean .*v3\.Echo/,
  },
];
