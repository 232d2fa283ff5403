# Sở A: Trụ sở
# Department A: Head office (so-a/tru-so): RouterOS 7, by /import or pasted into a terminal
# The router's own address in its network is 10.3.0.1 and fd00:0:3::1.
/interface/wireguard
add name=wg-vpn-1 mtu=1360 private-key="BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="
add name=wg-vpn-2 mtu=1360 private-key="BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="
add name=wg-d-a-b mtu=1360 listen-port=51830 private-key="BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="
/interface/wireguard/peers
add name=vpn-1 interface=wg-vpn-1 public-key="AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=" \
    preshared-key="CwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCws=" endpoint-address=203.0.113.11 endpoint-port=51820 \
    allowed-address=10.1.0.138/32,fd00:0:1:2::a/128,10.2.0.10/31,10.2.1.138/32,fd00:0:2::a/127,fd00:0:2:102::a/128 persistent-keepalive=25s
add name=vpn-2 interface=wg-vpn-2 public-key="AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=" \
    preshared-key="DAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw=" endpoint-address=203.0.113.12 endpoint-port=51820 \
    allowed-address=10.1.0.139/32,fd00:0:1:2::b/128,10.2.0.10/31,10.2.1.138/32,fd00:0:2::a/127,fd00:0:2:102::a/128 persistent-keepalive=25s
add name=d-a-b interface=wg-d-a-b public-key="AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=" \
    preshared-key="DQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0=" \
    allowed-address=10.3.0.64/26,fd00:0:3:1::/64 persistent-keepalive=25s
/ip/address
add address=10.3.0.1/32 network=10.1.0.138 interface=wg-vpn-1
add address=10.3.0.1/32 network=10.1.0.139 interface=wg-vpn-2
/ipv6/route
add dst-address=fd00:0:1:2::a/128 gateway=wg-vpn-1
add dst-address=fd00:0:1:2::b/128 gateway=wg-vpn-2
add dst-address=fd00:0:3:1::/64 gateway=wg-d-a-b
/ip/route
add dst-address=10.3.0.64/26 gateway=wg-d-a-b
/ip/firewall/address-list
add list=hoaban-own address=10.3.0.0/26
/ipv6/firewall/address-list
add list=hoaban-own address=fd00:0:3::/64
/routing/filter/rule
add chain=hoaban-in rule="if (dst in 10.2.0.0/20) { accept }"
add chain=hoaban-in rule="if (dst in fd00:0:2::/52) { accept }"
add chain=hoaban-in rule="reject"
/routing/bfd/configuration
add interfaces=wg-vpn-1,wg-vpn-2 min-rx=500ms min-tx=500ms multiplier=4
/routing/bgp/connection
add name=vpn-1-ipv4 as=4200000000 router-id=10.3.0.1 local.role=ebgp \
    local.address=10.3.0.1 remote.address=10.1.0.138 remote.as=64512 \
    multihop=yes use-bfd=yes address-families=ip hold-time=30s keepalive-time=10s \
    input.filter=hoaban-in output.network=hoaban-own
add name=vpn-1-ipv6 as=4200000000 router-id=10.3.0.1 local.role=ebgp \
    local.address=fd00:0:3::1 remote.address=fd00:0:1:2::a remote.as=64512 \
    multihop=yes use-bfd=yes address-families=ipv6 hold-time=30s keepalive-time=10s \
    input.filter=hoaban-in output.network=hoaban-own
add name=vpn-2-ipv4 as=4200000000 router-id=10.3.0.1 local.role=ebgp \
    local.address=10.3.0.1 remote.address=10.1.0.139 remote.as=64512 \
    multihop=yes use-bfd=yes address-families=ip hold-time=30s keepalive-time=10s \
    input.filter=hoaban-in output.network=hoaban-own
add name=vpn-2-ipv6 as=4200000000 router-id=10.3.0.1 local.role=ebgp \
    local.address=fd00:0:3::1 remote.address=fd00:0:1:2::b remote.as=64512 \
    multihop=yes use-bfd=yes address-families=ipv6 hold-time=30s keepalive-time=10s \
    input.filter=hoaban-in output.network=hoaban-own
/ip/firewall/filter
add chain=input in-interface=wg-vpn-1 src-address=10.1.0.138 protocol=tcp dst-port=179 action=accept
add chain=input in-interface=wg-vpn-1 src-address=10.1.0.138 protocol=udp dst-port=4784 action=accept
add chain=input in-interface=wg-vpn-1 src-address=10.1.0.138 protocol=icmp action=accept
add chain=input in-interface=wg-vpn-1 connection-state=!established,related action=drop
add chain=forward in-interface=wg-vpn-1 connection-state=!established,related action=drop
add chain=input in-interface=wg-vpn-2 src-address=10.1.0.139 protocol=tcp dst-port=179 action=accept
add chain=input in-interface=wg-vpn-2 src-address=10.1.0.139 protocol=udp dst-port=4784 action=accept
add chain=input in-interface=wg-vpn-2 src-address=10.1.0.139 protocol=icmp action=accept
add chain=input in-interface=wg-vpn-2 connection-state=!established,related action=drop
add chain=forward in-interface=wg-vpn-2 connection-state=!established,related action=drop
add chain=input in-interface=wg-d-a-b action=drop
add chain=forward in-interface=wg-d-a-b connection-state=established,related action=accept
add chain=forward out-interface=wg-d-a-b connection-state=established,related action=accept
add chain=forward in-interface=wg-d-a-b src-address=10.3.0.64/26 dst-address=10.3.0.0/26 protocol=tcp dst-port=443 action=accept
add chain=forward in-interface=wg-d-a-b action=drop
add chain=forward out-interface=wg-d-a-b action=drop
/ipv6/firewall/filter
add chain=input in-interface=wg-vpn-1 src-address=fd00:0:1:2::a protocol=tcp dst-port=179 action=accept
add chain=input in-interface=wg-vpn-1 src-address=fd00:0:1:2::a protocol=udp dst-port=4784 action=accept
add chain=input in-interface=wg-vpn-1 src-address=fd00:0:1:2::a protocol=icmpv6 action=accept
add chain=input in-interface=wg-vpn-1 connection-state=!established,related action=drop
add chain=forward in-interface=wg-vpn-1 connection-state=!established,related action=drop
add chain=input in-interface=wg-vpn-2 src-address=fd00:0:1:2::b protocol=tcp dst-port=179 action=accept
add chain=input in-interface=wg-vpn-2 src-address=fd00:0:1:2::b protocol=udp dst-port=4784 action=accept
add chain=input in-interface=wg-vpn-2 src-address=fd00:0:1:2::b protocol=icmpv6 action=accept
add chain=input in-interface=wg-vpn-2 connection-state=!established,related action=drop
add chain=forward in-interface=wg-vpn-2 connection-state=!established,related action=drop
add chain=input in-interface=wg-d-a-b action=drop
add chain=forward in-interface=wg-d-a-b connection-state=established,related action=accept
add chain=forward out-interface=wg-d-a-b connection-state=established,related action=accept
add chain=forward in-interface=wg-d-a-b src-address=fd00:0:3:1::/64 dst-address=fd00:0:3::/64 protocol=tcp dst-port=443 action=accept
add chain=forward in-interface=wg-d-a-b action=drop
add chain=forward out-interface=wg-d-a-b action=drop
