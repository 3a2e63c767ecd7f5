// Made by noise_transcript.py beside this file, without any code of Gotthard.
#pragma once

#include <cstdint>
#include <string_view>

namespace gotthard::noise::transcript {

inline constexpr std::uint32_t kInitiatorIndex = 0x12345678;
inline constexpr std::uint32_t kResponderIndex = 0x9abcdef0;
inline constexpr std::string_view kInitiatorPrivate =
    "11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dce3ea";
inline constexpr std::string_view kInitiatorPublic =
    "e52b940ad182cfed595624daaaa892f68f14d52c49ae9016b6ab870e080e8300";
inline constexpr std::string_view kResponderPrivate =
    "525960676e757c838a91989fa6adb4bbc2c9d0d7dee5ecf3fa01080f161d242b";
inline constexpr std::string_view kResponderPublic =
    "746655c656dbc51442507ba6ff2358fa641eefde6fc57c16c4aa488437eb615f";
inline constexpr std::string_view kInitiatorEphemeral =
    "939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a11181f262d343b424950575e656c";
inline constexpr std::string_view kResponderEphemeral =
    "d4dbe2e9f0f7fe050c131a21282f363d444b525960676e757c838a91989fa6ad";
inline constexpr std::string_view kPresharedKey =
    "050c131a21282f363d444b525960676e757c838a91989fa6adb4bbc2c9d0d7de";
inline constexpr std::string_view kTimestamp = "400000006579a0b40b000000";
inline constexpr std::string_view kInitiation =
    "0100000078563412b581212de1db954ddb11ad97d2f3f7255644971db23e091494f140bced3c5f1c"
    "cd0d052b9b6ac9b2b3ddfc6fa6805c9f70c567f4d895e6a26e8496ac1519f92eddf7876dfb96de44"
    "b119bc7be1f2e90bc0b0c4f98a2851b4108e1708c9fb3fca93f053e32cf5e8b259a7c1e38afcd1ce"
    "c1c6218f48ebb65ba697c40b00000000000000000000000000000000";
inline constexpr std::string_view kCookieSecret =
    "3c434a51585f666d747b828990979ea5acb3bac1c8cfd6dde4ebf2f900070e15";
inline constexpr std::string_view kCookieNonce = "777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a1118";
inline constexpr std::string_view kCookieReply =
    "0300000078563412777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a11187da0b8e8db417a7f"
    "01c392114a3578e05685b3818ef14c29671b52340f842b2b";
inline constexpr std::string_view kInitiationWithCookie =
    "0100000078563412b581212de1db954ddb11ad97d2f3f7255644971db23e091494f140bced3c5f1c"
    "cd0d052b9b6ac9b2b3ddfc6fa6805c9f70c567f4d895e6a26e8496ac1519f92eddf7876dfb96de44"
    "b119bc7be1f2e90bc0b0c4f98a2851b4108e1708c9fb3fca93f053e32cf5e8b259a7c1e38afcd1ce"
    "c1c6218f48ebb65ba697c40ba550d04586da3c30cef4ceb52b644a47";
inline constexpr std::string_view kResponse =
    "02000000f0debc9a785634126f9be2a1576c6251ff0eb3d870049e02e39aebdd2bf9b38531442248"
    "782afa4248a45af64b20289f06fe6e88d65816213e686337230e7293217a92ddbd27e2f900000000"
    "000000000000000000000000";
inline constexpr std::string_view kInitiatorToResponder =
    "8dea6d297abbb5168c4564a431001b80db83960243981a088d5df5878274c22a";
inline constexpr std::string_view kResponderToInitiator =
    "8b48cf633f1fd093a815ea119f6a6c921c748fed5c09cb082d7883185837760c";

}  // namespace gotthard::noise::transcript
